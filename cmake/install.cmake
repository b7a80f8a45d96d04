# What `cmake --install` puts where. Man pages, completions and the journal's catalog are printed by the program itself
# from its own tables, as part of the normal build.
set(pages ${CMAKE_BINARY_DIR}/generated)
file(MAKE_DIRECTORY ${pages})

# generate(FILE ARGUMENT...): FILE is what `mdc-agent help ARGUMENT...` prints.
function(generate file)
  add_custom_command(OUTPUT ${pages}/${file}
    COMMAND ${CMAKE_COMMAND} -E env ASAN_OPTIONS=detect_leaks=0
            $<TARGET_FILE:mdc-agent> help ${ARGN} > ${pages}/${file}
    DEPENDS mdc-agent COMMENT "Printing ${file}" VERBATIM)
  set_property(GLOBAL APPEND PROPERTY MDC_GENERATED ${pages}/${file})
endfunction()

generate(mdc-agent.8 --man mdc-agent)
generate(agent.yaml.5 --man agent.yaml)
generate(mdc.yaml.5 --man mdc.yaml)
generate(mdc-agent.bash --completion bash)
generate(_mdc-agent --completion zsh)
generate(mdc-agent.fish --completion fish)
generate(mdc-agent.catalog --catalog)
generate(event.schema.json --schema)
get_property(generated GLOBAL PROPERTY MDC_GENERATED)
add_custom_target(pages ALL DEPENDS ${generated})

# ---- the units ------------------------------------------------------------------------------
# Written when installing: `cmake --install --prefix` may name another place than the one configured for.
install(CODE "
  set(BINDIR \"${CMAKE_INSTALL_BINDIR}\")
  if(NOT IS_ABSOLUTE \"\${BINDIR}\")
    get_filename_component(BINDIR \"\${CMAKE_INSTALL_PREFIX}/\${BINDIR}\" ABSOLUTE)
  endif()
  foreach(unit mdc-agent mdc-agent-secrets)
    configure_file(\"${CMAKE_SOURCE_DIR}/data/\${unit}.service.in\" \"${pages}/\${unit}.service\" @ONLY)
  endforeach()
  configure_file(\"${CMAKE_SOURCE_DIR}/data/mdc-agent-user.service.in\" \"${pages}/user/mdc-agent.service\" @ONLY)")

# ---- where ---------------------------------------------------------------------------------
# `lib`, not CMAKE_INSTALL_LIBDIR: systemd looks in no other directory, whatever the architecture.
install(TARGETS mdc-agent DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS mdc-agentd poll-http poll-ssh DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/mdc-agent)
install(FILES ${pages}/mdc-agent.service ${pages}/mdc-agent-secrets.service DESTINATION lib/systemd/system)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/data/unit/
  DESTINATION ${CMAKE_INSTALL_DATADIR}/mdc-agent/unit)
install(FILES ${pages}/user/mdc-agent.service DESTINATION lib/systemd/user)
install(FILES ${pages}/mdc-agent.catalog DESTINATION lib/systemd/catalog)
install(FILES ${pages}/event.schema.json DESTINATION ${CMAKE_INSTALL_DATADIR}/mdc-agent)
install(FILES ${pages}/mdc-agent.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
install(FILES ${pages}/agent.yaml.5 ${pages}/mdc.yaml.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)
install(FILES ${pages}/mdc-agent.bash RENAME mdc-agent
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${pages}/_mdc-agent DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES ${pages}/mdc-agent.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/hooks/ DESTINATION ${CMAKE_INSTALL_DATADIR}/mdc-agent/hooks
  USE_SOURCE_PERMISSIONS)

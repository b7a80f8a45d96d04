# The hook that `init --bare` installs is compiled in: its text stands once, in hooks/post-receive.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/hooks/post-receive)
file(READ ${CMAKE_SOURCE_DIR}/hooks/post-receive HOOK_TEXT)
string(REPLACE "\\" "\\\\" HOOK_TEXT "${HOOK_TEXT}")
string(REPLACE "\"" "\\\"" HOOK_TEXT "${HOOK_TEXT}")
string(REPLACE "\n" "\\n\"\n\t\"" HOOK_TEXT "${HOOK_TEXT}")
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/hook_post_receive.h
  CONTENT "/* Made from hooks/post-receive. */\nstatic const char hook_post_receive[] =\n\t\"@HOOK_TEXT@\";\n" @ONLY)
target_include_directories(core PRIVATE ${CMAKE_BINARY_DIR}/generated)

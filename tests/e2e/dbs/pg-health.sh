# Version 1 needs its column; version 2 finds fault with what it made itself.
v=$(cat /version)
until [ -e /tmp/prepared ]; do sleep 0.05; done
if [ "$v" = 2 ]; then
	echo "the new table does not suit me"
	exit 1
fi
[ "$v" = 1 ] && column=k || column=seq
exec /pgbin/psql -h /tmp -p "$PORT" -U postgres -qAtX -c "select count($column) from t"

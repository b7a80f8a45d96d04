# PostgreSQL as process 1 of its container; data below /data/db, port in $PORT. A version that is not 1 migrates the
# table in a way that version 1 cannot live with. /data/versions has a line for each version that got that far.
v=$(cat /version) d=/data/db b=/pgbin
if [ ! -f $d/PG_VERSION ]; then
	rm -rf $d.new
	$b/initdb -N -D $d.new -U postgres --locale=C -E UTF8 -A trust >/dev/null || exit 1
	mv $d.new $d
fi
sql() {
	$b/psql -h /tmp -p "$PORT" -U postgres -v ON_ERROR_STOP=1 -qAtX -c "$1"
}
prepare() {
	until $b/pg_isready -q -h /tmp -p "$PORT"; do sleep 0.05; done
	if [ "$v" = 1 ]; then
		sql "create table if not exists t(w int, k int, primary key (w, k))"
	elif [ -z "$(sql "select 1 from information_schema.columns where table_name = 't' and column_name = 'seq'")" ]; then
		sql "begin; alter table t rename k to seq; alter table t add note text not null default 'new';
			update t set seq = -seq; commit"
	fi || return
	echo "$v" >>/data/versions
	touch /tmp/prepared
}
rm -f /tmp/prepared
[ -z "$PORT" ] || prepare &
exec $b/postgres -D $d -p "${PORT:-5432}" -k /tmp -c listen_addresses=127.0.0.1 -c "cluster_name=v$v" \
	-c shared_buffers=16MB -c jit=off

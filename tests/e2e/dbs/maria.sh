# MariaDB as process 1; data below /data/db, only a socket.
d=/data/db s=/usr/share/mysql
if [ ! -d $d/mysql ]; then
	rm -rf $d.new
	mkdir -p $d.new/mysql
	{
		echo "use mysql;"
		echo "set @auth_root_socket=NULL;"
		cat $s/mysql_system_tables.sql $s/mysql_performance_tables.sql $s/mysql_system_tables_data.sql
	} | mariadbd --no-defaults --bootstrap --datadir=$d.new --lc-messages-dir=/usr/share/mysql --skip-log-bin || exit 1
	mv $d.new $d
fi
exec mariadbd --no-defaults --datadir=$d --socket=/tmp/sock --skip-networking --lc-messages-dir=/usr/share/mysql \
	--pid-file=/tmp/pid --skip-grant-tables

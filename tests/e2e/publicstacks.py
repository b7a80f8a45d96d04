"""
Compose files in the shape of what projects publish as their example: the services, mounts, ports and options that such
a stack really has. Our own wording; images are never pulled. To add one: a name and its file, or its files.
"""

import textwrap


def yaml(text):
    return {"compose.yaml": textwrap.dedent(text).lstrip("\n")}


def env(text, **values):
    return {**yaml(text), ".env": "".join(f"{k}={v}\n" for k, v in values.items())}


STACKS = {
    "wordpress": yaml("""
        services:
          db:
            image: mariadb:10.11
            restart: always
            volumes: [db:/var/lib/mysql]
            environment: {MARIADB_DATABASE: wp, MARIADB_USER: wp, MARIADB_PASSWORD: wp, MARIADB_RANDOM_ROOT_PASSWORD: "1"}
          wordpress:
            image: wordpress:6-apache
            depends_on: [db]
            ports: ["8080:80"]
            restart: always
            environment: {WORDPRESS_DB_HOST: db, WORDPRESS_DB_USER: wp, WORDPRESS_DB_PASSWORD: wp, WORDPRESS_DB_NAME: wp}
            volumes: [html:/var/www/html]
        volumes: {db: {}, html: {}}
        """),
    "nextcloud": env("""
        services:
          db:
            image: mariadb:11.4
            command: --transaction-isolation=READ-COMMITTED
            volumes: [db:/var/lib/mysql]
            env_file: [db.env]
          redis: {image: redis:7-alpine, restart: always}
          app:
            image: nextcloud:${TAG:-30}-apache
            ports: ["127.0.0.1:8081:80"]
            volumes: [nextcloud:/var/www/html, "./php.ini:/usr/local/etc/php/conf.d/own.ini:ro"]
            depends_on: [db, redis]
            env_file: [db.env]
          cron:
            image: nextcloud:${TAG:-30}-apache
            entrypoint: /cron.sh
            volumes_from: [app]
        volumes: {db: , nextcloud: }
        """, TAG="30") | {"db.env": "MYSQL_DATABASE=nc\nMYSQL_USER=nc\n", "php.ini": "memory_limit=1G\n"},
    "gitea": yaml("""
        services:
          server:
            image: gitea/gitea:1.22
            environment: [USER_UID=1000, USER_GID=1000, "GITEA__database__HOST=db:5432"]
            networks: [gitea]
            volumes: [data:/data, "/etc/timezone:/etc/timezone:ro", "/etc/localtime:/etc/localtime:ro"]
            ports: ["3000:3000", "2222:22"]
            depends_on: {db: {condition: service_healthy}}
          db:
            image: postgres:16
            environment: {POSTGRES_USER: gitea, POSTGRES_PASSWORD: gitea, POSTGRES_DB: gitea}
            networks: [gitea]
            volumes: [pg:/var/lib/postgresql/data]
            healthcheck: {test: [CMD-SHELL, pg_isready -U gitea], interval: 10s}
        networks: {gitea: {external: false}}
        volumes: {data: {}, pg: {}}
        """),
    "traefik": yaml("""
        services:
          traefik:
            image: traefik:v3.1
            command: [--providers.docker=true, --entryPoints.web.address=:80, --api.insecure=true]
            ports: ["80:80", "443:443", "8080:8080"]
            volumes: ["/var/run/docker.sock:/var/run/docker.sock:ro", "./acme:/acme"]
            security_opt: ["no-new-privileges:true"]
          whoami:
            image: traefik/whoami
            labels: ["traefik.enable=true", "traefik.http.routers.whoami.rule=Host(`whoami.localhost`)"]
        """),
    "prometheus": yaml("""
        services:
          prometheus:
            image: prom/prometheus:v2.54.1
            command: ["--config.file=/etc/prometheus/prometheus.yml"]
            configs: [{source: prometheus, target: /etc/prometheus/prometheus.yml}]
            volumes: [data:/prometheus]
            ports: ["127.0.0.1:9090:9090"]
          grafana:
            image: grafana/grafana:11.2.0
            user: "472"
            ports: ["3001:3000"]
            volumes: [grafana:/var/lib/grafana]
            secrets: [admin]
            environment: {GF_SECURITY_ADMIN_PASSWORD__FILE: /run/secrets/admin}
        configs: {prometheus: {file: ./prometheus.yml}}
        secrets: {admin: {file: ./admin}}
        volumes: {data: {}, grafana: {}}
        """) | {"prometheus.yml": "global: {}\n", "admin": "x\n"},
    "node-exporter": yaml("""
        services:
          node_exporter:
            image: quay.io/prometheus/node-exporter:v1.8.2
            command: ["--path.rootfs=/host"]
            network_mode: host
            pid: host
            restart: unless-stopped
            volumes: ["/:/host:ro,rslave"]
        """),
    "cadvisor": yaml("""
        services:
          cadvisor:
            image: gcr.io/cadvisor/cadvisor:v0.49.1
            privileged: true
            devices: [/dev/kmsg]
            volumes: ["/:/rootfs:ro", "/var/run:/var/run:ro", "/sys:/sys:ro", "/var/lib/docker/:/var/lib/docker:ro",
                      "/dev/disk/:/dev/disk:ro"]
            ports: ["8083:8080"]
        """),
    "immich": env("""
        name: immich
        services:
          immich-server:
            container_name: immich_server
            image: ghcr.io/immich-app/immich-server:${IMMICH_VERSION:-release}
            volumes: ["${UPLOAD_LOCATION}:/usr/src/app/upload", "/etc/localtime:/etc/localtime:ro"]
            env_file: [.env]
            ports: ["2283:2283"]
            depends_on: [redis, database]
            restart: always
          immich-machine-learning:
            image: ghcr.io/immich-app/immich-machine-learning:${IMMICH_VERSION:-release}
            volumes: [model-cache:/cache]
            env_file: [.env]
          redis:
            image: docker.io/valkey/valkey:8-bookworm@sha256:fec42f399876eb6faf9e008570597741c87ff7662a54185593e74b09ce83d177
            healthcheck: {test: redis-cli ping || exit 1}
          database:
            image: ghcr.io/immich-app/postgres:14
            environment: {POSTGRES_PASSWORD: "${DB_PASSWORD}", POSTGRES_INITDB_ARGS: --data-checksums}
            volumes: ["${DB_DATA_LOCATION}:/var/lib/postgresql/data"]
            shm_size: 128mb
        volumes: {model-cache: }
        """, UPLOAD_LOCATION="./library", DB_DATA_LOCATION="./postgres", IMMICH_VERSION="v1.117.0", DB_PASSWORD="x"),
    "paperless": yaml("""
        services:
          broker: {image: redis:7, volumes: [redis:/data]}
          db: {image: postgres:16, volumes: [pg:/var/lib/postgresql/data], environment: {POSTGRES_PASSWORD: p}}
          gotenberg:
            image: gotenberg/gotenberg:8.7
            command: [gotenberg, --chromium-disable-javascript=true]
          tika: {image: "apache/tika:2.9.2.1"}
          webserver:
            image: ghcr.io/paperless-ngx/paperless-ngx:2.12
            depends_on: [db, broker, gotenberg, tika]
            ports: ["8000:8000"]
            volumes: [data:/usr/src/paperless/data, media:/usr/src/paperless/media, "./export:/usr/src/paperless/export",
                      "./consume:/usr/src/paperless/consume"]
            environment: {PAPERLESS_REDIS: "redis://broker:6379", PAPERLESS_DBHOST: db}
        volumes: {redis: , pg: , data: , media: }
        """),
    "vaultwarden": yaml("""
        services:
          vaultwarden:
            image: vaultwarden/server:1.32.0
            restart: unless-stopped
            environment: {DOMAIN: "https://vw.example.org", SIGNUPS_ALLOWED: "false"}
            volumes: ["./vw-data/:/data/"]
            ports: ["127.0.0.1:8222:80"]
        """),
    "pihole": yaml("""
        services:
          pihole:
            image: pihole/pihole:2024.07.0
            ports: ["53:53/tcp", "53:53/udp", "67:67/udp", "8053:80/tcp"]
            environment: {TZ: Europe/Berlin}
            volumes: ["./etc-pihole:/etc/pihole", "./etc-dnsmasq.d:/etc/dnsmasq.d"]
            cap_add: [NET_ADMIN]
            restart: unless-stopped
        """),
    "adguard": yaml("""
        services:
          adguardhome:
            image: adguard/adguardhome:v0.107.52
            ports: ["5300:53/tcp", "5300:53/udp", "3002:3000/tcp"]
            volumes: [work:/opt/adguardhome/work, conf:/opt/adguardhome/conf]
        volumes: {work: , conf: }
        """),
    "jellyfin": yaml("""
        services:
          jellyfin:
            image: jellyfin/jellyfin:10.9.11
            user: 1000:1000
            network_mode: host
            group_add: ["122"]
            devices: ["/dev/dri/renderD128:/dev/dri/renderD128"]
            volumes: ["./config:/config", "./cache:/cache", {type: bind, source: /mnt/media, target: /media, read_only: true}]
            extra_hosts: ["host.docker.internal:host-gateway"]
        """),
    "homeassistant": yaml("""
        services:
          homeassistant:
            container_name: homeassistant
            image: ghcr.io/home-assistant/home-assistant:2024.9
            volumes: ["./config:/config", "/etc/localtime:/etc/localtime:ro", "/run/dbus:/run/dbus:ro"]
            devices: ["/dev/ttyUSB0:/dev/ttyUSB0"]
            restart: unless-stopped
            privileged: true
            network_mode: host
        """),
    "portainer": yaml("""
        services:
          portainer:
            image: portainer/portainer-ce:2.21.1
            ports: ["9443:9443"]
            volumes: [data:/data, "/var/run/docker.sock:/var/run/docker.sock"]
        volumes: {data: }
        """),
    "watchtower": yaml("""
        services:
          watchtower:
            image: containrrr/watchtower:1.7.1
            command: --cleanup --interval 86400
            volumes: ["/var/run/docker.sock:/var/run/docker.sock"]
        """),
    "uptime-kuma": yaml("""
        services:
          uptime-kuma:
            image: louislam/uptime-kuma:1
            volumes: ["./data:/app/data"]
            ports: ["3003:3001"]
            restart: unless-stopped
        """),
    "mealie": yaml("""
        services:
          mealie:
            image: ghcr.io/mealie-recipes/mealie:v1.12.0
            ports: ["9925:9000"]
            deploy: {resources: {limits: {memory: 1000M}}}
            volumes: [mealie-data:/app/data/]
            environment: {ALLOW_SIGNUP: "false", DB_ENGINE: postgres, POSTGRES_SERVER: postgres}
            depends_on: {postgres: {condition: service_healthy}}
          postgres:
            image: postgres:15
            volumes: [pg:/var/lib/postgresql/data]
            healthcheck: {test: [CMD, pg_isready], interval: 30s, timeout: 20s, retries: 3}
        volumes: {mealie-data: , pg: }
        """),
    "nginx-proxy-manager": yaml("""
        services:
          app:
            image: jc21/nginx-proxy-manager:2.11.3
            restart: unless-stopped
            ports: ["80:80", "81:81", "443:443"]
            volumes: ["./data:/data", "./letsencrypt:/etc/letsencrypt"]
        """),
    "caddy": yaml("""
        services:
          caddy:
            image: caddy:2.8
            cap_add: [NET_ADMIN]
            ports: ["80:80", "443:443", "443:443/udp"]
            volumes: ["./Caddyfile:/etc/caddy/Caddyfile:ro", data:/data, config:/config]
        volumes: {data: {}, config: }
        """) | {"Caddyfile": ":80\n"},
    "authentik": env("""
        x-env: &env
          AUTHENTIK_REDIS__HOST: redis
          AUTHENTIK_POSTGRESQL__HOST: postgresql
          AUTHENTIK_SECRET_KEY: ${SECRET:?needed}
        services:
          postgresql: {image: docker.io/library/postgres:16-alpine, volumes: [database:/var/lib/postgresql/data]}
          redis: {image: docker.io/library/redis:alpine, command: --save 60 1 --loglevel warning, volumes: [redis:/data]}
          server:
            image: ${IMAGE:-ghcr.io/goauthentik/server}:${TAG:-2024.8.2}
            command: server
            environment: *env
            ports: ["${PORT_HTTP:-9000}:9000", "${PORT_HTTPS:-9443}:9443"]
            volumes: ["./media:/media"]
          worker:
            image: ${IMAGE:-ghcr.io/goauthentik/server}:${TAG:-2024.8.2}
            command: worker
            environment: {<<: *env, MORE: x}
            user: root
            volumes: ["/var/run/docker.sock:/var/run/docker.sock", "./media:/media"]
        volumes: {database: , redis: }
        """, SECRET="x"),
    "keycloak": yaml("""
        services:
          keycloak:
            image: quay.io/keycloak/keycloak:25.0
            command: [start-dev]
            environment: {KC_DB: postgres, KC_DB_URL: "jdbc:postgresql://db/keycloak"}
            ports: ["8084:8080"]
          db: {image: "postgres:16", volumes: [db:/var/lib/postgresql/data]}
        volumes: {db: }
        """),
    "mosquitto": yaml("""
        services:
          mosquitto:
            image: eclipse-mosquitto:2
            ports: ["1883:1883", "127.0.0.1:9001:9001"]
            volumes: ["./mosquitto.conf:/mosquitto/config/mosquitto.conf", data:/mosquitto/data, log:/mosquitto/log]
        volumes: {data: , log: }
        """) | {"mosquitto.conf": "listener 1883\n"},
    "zigbee2mqtt": yaml("""
        services:
          zigbee2mqtt:
            image: koenkk/zigbee2mqtt:1.40.1
            volumes: ["./data:/app/data", "/run/udev:/run/udev:ro"]
            ports: ["8085:8080"]
            devices: ["/dev/serial/by-id/usb-stick:/dev/ttyACM0"]
        """),
    "frigate": yaml("""
        services:
          frigate:
            image: ghcr.io/blakeblackshear/frigate:0.14.1
            shm_size: 128mb
            devices: ["/dev/bus/usb:/dev/bus/usb", "/dev/dri/renderD128:/dev/dri/renderD128"]
            volumes: ["/etc/localtime:/etc/localtime:ro", "./config:/config", "/mnt/cctv:/media/frigate",
                      {type: tmpfs, target: /tmp/cache, tmpfs: {size: 1000000000}}]
            ports: ["8971:8971", "8555:8555/tcp", "8555:8555/udp"]
        """),
    "wireguard": yaml("""
        services:
          wireguard:
            image: lscr.io/linuxserver/wireguard:1.0.20210914
            cap_add: [NET_ADMIN, SYS_MODULE]
            environment: [PUID=1000, PGID=1000, TZ=Etc/UTC]
            volumes: ["./config:/config", "/lib/modules:/lib/modules"]
            ports: ["51820:51820/udp"]
            sysctls: ["net.ipv4.conf.all.src_valid_mark=1"]
        """),
    "gluetun": yaml("""
        services:
          gluetun:
            image: qmcgaw/gluetun:v3.39
            cap_add: [NET_ADMIN]
            devices: ["/dev/net/tun:/dev/net/tun"]
            ports: ["8086:8080"]
          qbittorrent:
            image: lscr.io/linuxserver/qbittorrent:4.6.7
            network_mode: service:gluetun
            volumes: ["./config:/config", "/srv/downloads:/downloads"]
        """),
    "arr": yaml("""
        x-common: &common
          restart: unless-stopped
          environment: {PUID: "1000", PGID: "1000", TZ: Etc/UTC}
        services:
          sonarr: {<<: *common, image: "lscr.io/linuxserver/sonarr:4.0.9", ports: ["8989:8989"],
                   volumes: ["./sonarr:/config", "/data:/data"]}
          radarr: {<<: *common, image: "lscr.io/linuxserver/radarr:5.9.1", ports: ["7878:7878"],
                   volumes: ["./radarr:/config", "/data:/data"]}
          prowlarr: {<<: *common, image: "lscr.io/linuxserver/prowlarr:1.23.1", ports: ["9696:9696"],
                     volumes: ["./prowlarr:/config"]}
        """),
    "plex": yaml("""
        services:
          plex:
            image: plexinc/pms-docker:1.41.0
            network_mode: host
            hostname: plex
            volumes: ["./config:/config", "./transcode:/transcode", "/mnt/media:/data:ro"]
            devices: [/dev/dri:/dev/dri]
        """),
    "minio": yaml("""
        services:
          minio:
            image: quay.io/minio/minio:RELEASE.2024-09-13T20-26-02Z
            command: server --console-address ":9001" /data
            ports: ["9002:9000", "9003:9001"]
            volumes: [data:/data]
            healthcheck: {test: [CMD, mc, ready, local], interval: 5s}
        volumes: {data: }
        """),
    "elasticsearch": yaml("""
        services:
          es01:
            image: docker.elastic.co/elasticsearch/elasticsearch:8.15.1
            environment: ["discovery.type=single-node", "ES_JAVA_OPTS=-Xms512m -Xmx512m"]
            ulimits: {memlock: {soft: -1, hard: -1}, nofile: 65536}
            cap_add: [IPC_LOCK]
            volumes: [es:/usr/share/elasticsearch/data]
            mem_limit: 1g
          kibana:
            image: docker.elastic.co/kibana/kibana:8.15.1
            ports: ["5601:5601"]
            depends_on: [es01]
        volumes: {es: {driver: local}}
        """),
    "loki": yaml("""
        services:
          loki: {image: "grafana/loki:3.1.1", command: -config.file=/etc/loki/local-config.yaml, ports: ["3100:3100"]}
          promtail:
            image: grafana/promtail:3.1.1
            volumes: ["/var/log:/var/log:ro"]
            command: -config.file=/etc/promtail/config.yml
        """),
    "n8n": yaml("""
        services:
          n8n:
            image: docker.n8n.io/n8nio/n8n:1.58.2
            ports: ["127.0.0.1:5678:5678"]
            volumes: [n8n_data:/data/.n8n]
        volumes: {n8n_data: {name: n8n_data}}
        """),
    "syncthing": yaml("""
        services:
          syncthing:
            image: syncthing/syncthing:1.27
            hostname: my-syncthing
            volumes: ["/srv/sync:/var/syncthing"]
            ports: ["8384:8384", "22000:22000/tcp", "22000:22000/udp", "21027:21027/udp"]
        """),
    "freshrss": yaml("""
        services:
          freshrss:
            image: freshrss/freshrss:1.24.3
            logging: {options: {max-size: 10m}}
            volumes: [data:/var/www/FreshRSS/data, extensions:/var/www/FreshRSS/extensions]
            ports: ["8087:80"]
            environment: {TZ: Europe/Paris, CRON_MIN: "1,31"}
        volumes: {data: , extensions: }
        """),
    "matrix-synapse": yaml("""
        services:
          synapse:
            image: docker.io/matrixdotorg/synapse:v1.115.0
            restart: unless-stopped
            volumes: ["./files:/data"]
            ports: ["8448:8448/tcp"]
            depends_on: [db]
          db:
            image: docker.io/postgres:15-alpine
            environment: [POSTGRES_USER=synapse, "POSTGRES_INITDB_ARGS=--encoding=UTF-8 --lc-collate=C --lc-ctype=C"]
            volumes: ["./schemas:/var/lib/postgresql/data"]
        """),
    "shared-nfs": yaml("""
        services:
          web: {image: "nginx:1.27", volumes: [media:/usr/share/nginx/html:ro], ports: ["8088:80"]}
        volumes:
          media:
            driver: local
            driver_opts: {type: nfs, o: "addr=192.0.2.10,nolock,soft,rw", device: ":/export/media"}
        """),
    "build-and-run": yaml("""
        services:
          web:
            build: {context: ./app, args: {VERSION: "1"}}
            ports: ["5000:5000"]
            develop: {watch: [{action: sync, path: ./app, target: /code}]}
          redis: {image: "redis:alpine"}
        """) | {"app/Dockerfile": "FROM python:3.12-alpine\nCOPY . /code\n"},
}

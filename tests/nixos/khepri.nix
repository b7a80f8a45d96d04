# Compositions as khepri's users write them: the two forms of its README, every option it has, and each key that its table
# marks as not supported (27) or partly (2), by its name there.
{ pkgs, image ? "nginx:1.27" }:
let
  nginx = more: { inherit image; } // more;
  one = services: { compositions.all.services = services; };
  app = more: one { app = nginx more; };
  network = more: { compositions.all = { services.app = nginx { networks = [ "n" ]; }; networks.n = more; }; };
  volume = more: { compositions.all = { services.app = nginx { volumes = [ "vol:/v" ]; }; volumes.vol = more; }; };
in
{
  # A web server and an application with its database; volumes as names.
  readme.compositions = {
    proxy = {
      volumes = [ "caddy_data" ];
      networks = [ "front" ];
      services.caddy = {
        image = "caddy:2.8";
        ports = [ "80:80" "443:443" ];
        volumes = [ "caddy_data:/data" "/etc/caddy/Caddyfile:/etc/caddy/Caddyfile:ro" ];
        networks = [ "front" ];
        restart = "unless-stopped";
      };
    };
    nextcloud = {
      networks.nextcloud = { };
      volumes = { nc_data = { }; pg_data = { }; };
      services = {
        db = {
          image = "postgres:15";
          networks = [ "nextcloud" ];
          volumes = [ "pg_data:/var/lib/postgresql/data:rw" ];
          environment = { POSTGRES_DB = "nextcloud"; POSTGRES_PASSWORD = "pa$$word"; };
          restart = "unless-stopped";
        };
        app = {
          image = pkgs.dockerTools.pullImage { imageName = "nextcloud"; finalImageName = "nextcloud"; finalImageTag = "33.0.0-apache"; };
          networks = [ "nextcloud" ];
          ports = [ "8080:80/tcp" ];
          volumes = [ "nc_data:/var/www/html:rw" ];
          environment = { POSTGRES_HOST = "db"; DEBUG = false; };
          dependsOn = [ "db" ];
          restart = "unless-stopped";
        };
      };
    };
  };

  everything.compositions.all = {
    volumes.data = { };
    networks.front.external = false;
    services.db.image = "postgres:15";
    services.app = {
      image = "nginx:1.27";
      restart = "unless-stopped";
      environment.A = "b";
      environmentFiles = [ "/run/app.env" ];
      containerName = "app";
      volumes = [ "data:/data" ];
      cmd = [ "serve" "--port" "80" ];
      networks = [ "front" ];
      ports = [ "8080:80" ];
      dependsOn = [ "db" ];
      devices = [ "/dev/null:/dev/x" ];
      capAdd = [ "NET_ADMIN" ];
      capDrop = [ "MKNOD" ];
      extraHosts = [ "a:127.0.0.1" ];
      labels.l = "1";
      entrypoint = "/init";
    };
  };

  unsupported = {
    services_labels = app { labels."traefik.enable" = "true"; };
    services_dns = app { dns = [ "127.0.0.1" ]; };
    services_logging = app { logging = { driver = "json-file"; options.max-size = "1m"; }; };
    services_deploy_restart_policy = app { deploy.restart_policy = { condition = "on-failure"; max_attempts = 3; }; };
    services_deploy_resources = app { deploy.resources.limits = { cpus = "0.5"; memory = "64M"; }; };
    services_networks_aliases = { compositions.all = { networks.n = { }; services.app = nginx { networks.n.aliases = [ "www" ]; }; }; };
    services_networks_ipv4_address = {
      compositions.all = {
        networks.n.ipam.config = [ { subnet = "10.231.0.0/24"; } ];
        services.app = nginx { networks.n.ipv4_address = "10.231.0.10"; };
      };
    };
    services_network_mode = app { network_mode = "none"; };
    services_privileged = app { privileged = true; };
    services_sysctls = app { sysctls."net.ipv4.ip_unprivileged_port_start" = 80; };
    services_shm_size = app { shm_size = "32m"; };
    services_runtime = app { runtime = "runc"; };
    services_security_opt = app { security_opt = [ "no-new-privileges:true" ]; };
    services_healthcheck = app { healthcheck = { test = [ "CMD" "true" ]; interval = "2s"; retries = 3; }; };
    services_hostname = app { hostname = "www"; };
    services_mac_address = app { mac_address = "02:42:ac:11:65:43"; };
    networks_labels = network { labels.a = "b"; };
    networks_name = network { name = "all_other"; };
    networks_driver = network { driver = "bridge"; };
    networks_driver_opts = network { driver_opts."com.docker.network.driver.mtu" = "1400"; };
    networks_ipam = network { ipam.config = [ { subnet = "10.232.0.0/24"; } ]; };
    networks_internal = network { internal = true; };
    volumes_driver = volume { driver = "local"; };
    volumes_driver_opts = volume { driver_opts = { type = "tmpfs"; device = "tmpfs"; o = "size=1m"; }; };
    volumes_labels = volume { labels.a = "b"; };
    volumes_name = volume { name = "all_other"; };
    volumes_external = volume { external = true; name = "all_there"; };
    partly_depends_on_long = one { db = nginx { healthcheck = { test = [ "CMD" "true" ]; interval = "1s"; }; }; app = nginx { dependsOn.db.condition = "service_healthy"; }; };
    partly_restart_on_failure = app { restart = "on-failure:3"; };
  };
}

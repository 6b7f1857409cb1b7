//! Entry scripts in the style of well-known images. The long test of launchers starts these images with runc, too.

use crate::launchers::{Case, disagreements};

/// Programs that the scripts call, as applets of BusyBox.
const APPLETS: &[(&str, &str)] = &[
    ("/usr/bin/awk", "/bin/busybox"),
    ("/usr/bin/basename", "/bin/busybox"),
    ("/usr/bin/cat", "/bin/busybox"),
    ("/usr/bin/chmod", "/bin/busybox"),
    ("/usr/bin/chown", "/bin/busybox"),
    ("/usr/bin/cut", "/bin/busybox"),
    ("/usr/bin/date", "/bin/busybox"),
    ("/usr/bin/dirname", "/bin/busybox"),
    ("/usr/bin/expr", "/bin/busybox"),
    ("/usr/bin/find", "/bin/busybox"),
    ("/usr/bin/grep", "/bin/busybox"),
    ("/usr/bin/head", "/bin/busybox"),
    ("/usr/bin/hostname", "/bin/busybox"),
    ("/usr/bin/ip", "/bin/busybox"),
    ("/usr/bin/ls", "/bin/busybox"),
    ("/usr/bin/mkdir", "/bin/busybox"),
    ("/usr/bin/mktemp", "/bin/busybox"),
    ("/usr/bin/readlink", "/bin/busybox"),
    ("/usr/bin/rm", "/bin/busybox"),
    ("/usr/bin/run-parts", "/bin/busybox"),
    ("/usr/bin/sed", "/bin/busybox"),
    ("/usr/bin/sort", "/bin/busybox"),
    ("/usr/bin/stat", "/bin/busybox"),
    ("/usr/bin/tar", "/bin/busybox"),
    ("/usr/bin/touch", "/bin/busybox"),
    ("/usr/bin/which", "/bin/busybox"),
    ("/usr/bin/xargs", "/bin/busybox"),
];

/// Returns an image whose entry point is the script, and whose program of this name says that it has started.
fn image(script: &str, program: &str, words: &[&str]) -> Case {
    Case::of(&["/entry.sh"])
        .cmd(words)
        .script("/entry.sh", script)
        .script(&format!("/usr/local/bin/{program}"), "#!/bin/sh\necho started\n")
        .with_links(APPLETS)
}

/// An image of PostgreSQL that starts with these variables.
fn postgres(variable: &str) -> Case {
    let done = "#!/bin/sh\nexit 0\n";
    image(include_str!("entries/postgres.sh"), "postgres", &["postgres"])
        .with_env(&["PGDATA=/data", variable])
        .script("/usr/local/bin/initdb", done)
        .script("/usr/local/bin/pg_ctl", done)
        .script("/usr/local/bin/psql", done)
}

/// Scripts that a database runs when it starts for the first time.
fn of_first_starts() -> Vec<Case> {
    let with = |mode: u32, text: &str| {
        postgres("POSTGRES_PASSWORD=x").file("/docker-entrypoint-initdb.d/a.sh", mode, text)
    };
    let may_fail = "launch-may-fail";
    vec![
        with(0o644, "X=1\n"),
        with(0o755, "#!/bin/sh\nset -e\necho text\n"),
        with(0o755, "#!/bin/none\n").seen_failing(may_fail),
        with(0o644, "nosuch\n").seen_failing(may_fail),
        with(0o755, "#!/bin/sh\nset -e\nnosuch\n").seen_failing(may_fail),
        with(0o755, "#!/bin/sh\nexit 3\n").seen_failing(may_fail),
        with(0o755, "#!/bin/none\n").volume("/data").seen_failing(may_fail),
        with(0o755, "#!/bin/sh\nexit 3\n").volume("/data").seen_failing(may_fail),
        with(0o644, "nosuch\n").volume("/data").seen_failing(may_fail),
        with(0o644, "X=1\n").volume("/data"),
        postgres("POSTGRES_PASSWORD=x").seen_failing(may_fail),
        postgres("A=").file("/docker-entrypoint-initdb.d/a.sql", 0o644, "").seen_failing("launch-unknown"),
        postgres("A=")
            .file("/docker-entrypoint-initdb.d/a.sql", 0o644, "")
            .volume("/data")
            .seen_failing(may_fail),
    ]
}

pub(crate) fn cases() -> Vec<Case> {
    of_images().into_iter().chain(of_first_starts()).collect()
}

fn of_images() -> Vec<Case> {
    vec![
        postgres("POSTGRES_HOST_AUTH_METHOD=trust").file("/docker-entrypoint-initdb.d/readme", 0o644, ""),
        image(include_str!("entries/mysql.sh"), "mysqld", &["--port=3307"])
            .with_env(&["MYSQL_ALLOW_EMPTY_PASSWORD=1"]),
        image(include_str!("entries/mysql.sh"), "mysqld", &["mysqld"]).unproven("launch-may-fail"),
        // Nothing is known of what its first script changes.
        image(include_str!("entries/nginx.sh"), "other", &["nginx"])
            .file("/usr/local/bin/nginx", 0o644, "#!/bin/sh\necho started\n")
            .script("/docker-entrypoint.d/10.sh", "#!/bin/sh\necho one\n")
            .seen_failing("launch-may-fail"),
        image(include_str!("entries/nginx.sh"), "nginx", &["nginx", "-g", "daemon off;"]).script(
            "/docker-entrypoint.d/10-listen-on-ipv6-by-default.sh",
            include_str!("entries/nginx-ipv6.sh"),
        ),
        image(include_str!("entries/nginx.sh"), "nginx", &["nginx"])
            .script("/docker-entrypoint.d/10.sh", "#!/bin/sh\nset -e\nnosuch\n")
            .fails("launch-command-missing"),
        image(include_str!("entries/redis.sh"), "redis-server", &["redis-server"]).directory("/srv"),
        image(include_str!("entries/wordpress.sh"), "apache2-foreground", &["apache2-foreground"])
            .directory("/srv"),
        image(include_str!("entries/vault.sh"), "vault", &["server", "-dev"])
            .file("/vault/config/x", 0o644, "")
            .noting("script-entry-point"),
        image(include_str!("entries/elasticsearch.sh"), "elasticsearch", &["eswrapper"])
            .directory("/srv")
            .script(
                "/usr/share/elasticsearch/bin/elasticsearch-env-from-file",
                include_str!("entries/elasticsearch-env-from-file"),
            ),
        image(include_str!("entries/php-apache.sh"), "apache2", &[]).file(
            "/etc/apache2/envvars",
            0o644,
            "export APACHE_LOG_DIR=/var/log/apache2\n",
        ),
        image(include_str!("entries/service.sh"), "server", &[])
            .script("/usr/sbin/service", include_str!("entries/service"))
            .script("/etc/init.d/worker", "#!/bin/sh\necho worker\n"),
        image(include_str!("entries/profile.sh"), "server", &["--x"])
            .file("/etc/profile", 0o644, include_str!("entries/profile"))
            .file("/etc/profile.d/01-locale.sh", 0o644, "export LANG=C\n"),
        // Not seen before the reader was finished.
        image(include_str!("entries/rabbitmq.sh"), "rabbitmq-server", &["rabbitmq-server"]).file(
            "/var/lib/rabbitmq/x",
            0o644,
            "",
        ),
        image(include_str!("entries/mongo.sh"), "mongod", &["mongod"])
            .file("/data/db/x", 0o644, "")
            .file("/data/configdb/x", 0o644, "")
            .script("/usr/bin/dpkg", "#!/bin/sh\necho amd64\n"),
        image(include_str!("entries/memcached.sh"), "memcached", &["-m", "64"]),
        image(include_str!("entries/haproxy.sh"), "haproxy", &["haproxy", "-f", "/etc/haproxy.cfg"]),
        image(include_str!("entries/consul.sh"), "consul", &["agent", "-dev"])
            .file("/consul/data/x", 0o644, "")
            .noting("script-entry-point"),
        image(include_str!("entries/grafana.sh"), "grafana", &[]).with_env(&[
            "GF_PATHS_CONFIG=/etc/grafana.ini",
            "GF_PATHS_DATA=/var/lib/grafana",
            "GF_PATHS_HOME=/usr/share/grafana",
            "GF_PATHS_PLUGINS=/var/lib/grafana/plugins",
        ]),
        image(include_str!("entries/ghost.sh"), "node", &["node", "current/index.js"])
            .with_env(&["GHOST_CONTENT=/var/lib/ghost/content", "GHOST_INSTALL=/var/lib/ghost"])
            .file("/var/lib/ghost/content/x", 0o644, "")
            .file("/var/lib/ghost/content.orig/themes/casper/x", 0o644, ""),
        image(include_str!("entries/cassandra.sh"), "cassandra", &["cassandra", "-f"])
            .with_env(&["CASSANDRA_CONF=/etc/cassandra"])
            .file("/etc/cassandra/cassandra.yaml", 0o644, "seeds: x\n")
            .file("/var/lib/cassandra/x", 0o644, "")
            .file("/var/log/cassandra/x", 0o644, ""),
        Case::of(&["/opt/tomcat/bin/catalina.sh", "run"])
            .script("/opt/tomcat/bin/catalina.sh", include_str!("entries/catalina.sh"))
            .script("/opt/java/bin/java", "#!/bin/sh\necho started\n")
            .with_env(&["JAVA_HOME=/opt/java"])
            .with_links(APPLETS),
        image(include_str!("entries/zookeeper.sh"), "zkServer.sh", &["zkServer.sh", "start-foreground"])
            .with_env(&[
                "ZOO_DATA_DIR=/data",
                "ZOO_DATA_LOG_DIR=/datalog",
                "ZOO_LOG_DIR=/logs",
                "ZOO_CONF_DIR=/conf",
            ])
            .file("/data/x", 0o644, "")
            .file("/datalog/x", 0o644, "")
            .file("/logs/x", 0o644, "")
            .file("/conf/x", 0o644, ""),
        Case::of(&["/opt/kafka/bin/kafka.sh", "/config"])
            .script("/opt/kafka/bin/kafka.sh", include_str!("entries/kafka.sh"))
            .script("/opt/kafka/bin/kafka-run-class.sh", include_str!("entries/kafka-run-class.sh"))
            .script("/usr/local/bin/java", "#!/bin/sh\necho started\n")
            .file("/opt/kafka/libs/kafka.jar", 0o644, "")
            .with_links(APPLETS),
        image(include_str!("entries/jenkins.sh"), "java", &[])
            .file("/var/jenkins_home/x", 0o644, "")
            .file("/usr/share/jenkins/jenkins.war", 0o644, "")
            .file("/usr/share/jenkins/ref/x", 0o644, "")
            .file("/usr/local/bin/jenkins-support", 0o644, "copy_reference_file() { :; }\n"),
        image(include_str!("entries/nextcloud.sh"), "apache2-foreground", &["apache2-foreground"]).file(
            "/docker-entrypoint-hooks.d/before-starting/readme",
            0o644,
            "",
        ),
        image(include_str!("entries/minio.sh"), "minio", &["minio", "server"]),
        image(include_str!("entries/node.sh"), "node", &["index.js"])
            .file("/srv/index.js", 0o644, "")
            .directory("/srv"),
    ]
}

#[test]
fn entry_scripts_of_well_known_images_start() {
    let wrong = disagreements(&cases());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

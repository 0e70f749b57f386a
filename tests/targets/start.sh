#!/bin/sh
# Starts one of the servers that scripts/targets.sh installs, on loopback, and becomes it.
#
#   tests/targets/start.sh NAME FOLDER PORT [PORT...]
#
# FOLDER holds what the server writes, and must exist. All take one port but RabbitMQ, which takes
# four: STOMP over WebSocket, MQTT over WebSocket, its own name service, its own cluster.
# UPROAR_TARGETS is where scripts/targets.sh installed to, target/targets if unset.
#
# Exits with 77 if the server is not installed, and says on stderr what is missing.
set -eu

if [ $# -lt 3 ]; then
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
name=$1
folder=$(realpath "$2")
port=$3
here=$(realpath "$(dirname "$0")")
installed=${UPROAR_TARGETS:-$here/../../target/targets}
# Debian's daemons are not in everybody's PATH.
PATH=$PATH:/usr/sbin

missing() {
    echo "$1 is not installed: scripts/targets.sh does that" >&2
    exit 77
}

needs() {
    command -v "$1" >/dev/null || missing "$1"
}

# Becomes a program beside this one, which uses the package named second.
node_program() {
    needs node
    [ -e "$installed/node/node_modules/$2/package.json" ] || missing "npm's $2"
    NODE_PATH=$installed/node/node_modules exec node "$here/$1" "$port"
}

# Becomes a program of the virtual environment.
python_program() {
    program=$installed/python/bin/$1
    shift
    [ -x "$program" ] || missing "$program"
    # Beside the programs nothing may be written.
    PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$here exec "$program" "$@"
}

case $name in
ws) node_program ws.js ws ;;
socketio) node_program socketio.js socket.io ;;
socketio_recovery) RECOVERY=1 node_program socketio.js socket.io ;;
graphql_ws) node_program graphql_ws.js graphql-ws ;;
sockjs) node_program sockjs.js sockjs ;;
socketcluster) node_program socketcluster.js socketcluster-server ;;

channels)
    python_program daphne --bind 127.0.0.1 --port "$port" --verbosity 0 channels_app:application
    ;;

uvicorn)
    python_program uvicorn --host 127.0.0.1 --port "$port" --log-level warning \
        uvicorn_app:application
    ;;

actioncable)
    needs puma
    # Rack and Rails are quieter there, and nothing reloads itself.
    RACK_ENV=production exec puma --bind "tcp://127.0.0.1:$port" --quiet --threads 1:5 \
        "$here/actioncable.ru"
    ;;

mosquitto)
    needs mosquitto
    # 2.0.11 does not start with nothing but a WebSocket listener, and without a socket_domain that
    # one listens on every address, whatever it is told. As root it would become a user that can't
    # write to the folder.
    cat >"$folder/mosquitto.conf" <<CONF
user $(id -un)
persistence false
listener 0 $folder/mosquitto.sock
listener $port 127.0.0.1
protocol websockets
socket_domain ipv4
allow_anonymous true
set_tcp_nodelay true
CONF
    exec mosquitto -c "$folder/mosquitto.conf"
    ;;

nats)
    needs nats-server
    # -1 lets the kernel choose: the listener without WebSocket can't be left out.
    cat >"$folder/nats.conf" <<CONF
host: 127.0.0.1
port: -1
websocket { host: 127.0.0.1, port: $port, no_tls: true }
CONF
    exec nats-server -c "$folder/nats.conf"
    ;;

nchan)
    needs nginx
    module=/usr/lib/nginx/modules/ngx_nchan_module.so
    [ -e "$module" ] || missing "nginx's module nchan"
    # Only who is subscribed hears: nothing is stored, and both sides must say so alike.
    cat >"$folder/nginx.conf" <<CONF
load_module $module;
user $(id -un);
daemon off;
pid $folder/nginx.pid;
error_log stderr warn;
worker_processes 1;
events { worker_connections 4096; }
http {
    access_log off;
    client_body_temp_path $folder/body;
    proxy_temp_path $folder/proxy;
    fastcgi_temp_path $folder/fastcgi;
    uwsgi_temp_path $folder/uwsgi;
    scgi_temp_path $folder/scgi;
    server {
        listen 127.0.0.1:$port;
        location ~ ^/ws/([^/]+)\$ {
            nchan_pubsub websocket;
            nchan_channel_id \$1;
            nchan_store_messages off;
            nchan_subscriber_first_message newest;
        }
    }
}
CONF
    exec nginx -p "$folder" -e stderr -c "$folder/nginx.conf"
    ;;

rabbitmq)
    server=/usr/lib/rabbitmq/bin/rabbitmq-server
    [ -x "$server" ] || missing "RabbitMQ"
    # A node of its own: name, data, logs, cookie, and every port. Other listeners stay closed.
    cat >"$folder/rabbitmq.conf" <<CONF
listeners.tcp = none
stomp.listeners.tcp = none
mqtt.listeners.tcp = none
web_stomp.tcp.ip = 127.0.0.1
web_stomp.tcp.port = $port
web_mqtt.tcp.ip = 127.0.0.1
web_mqtt.tcp.port = $4
CONF
    echo '[rabbitmq_web_stomp,rabbitmq_web_mqtt].' >"$folder/enabled_plugins"
    export HOME="$folder"
    export ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT="$5"
    export RABBITMQ_NODENAME="uproar-$port@localhost" RABBITMQ_DIST_PORT="$6"
    export RABBITMQ_CONF_ENV_FILE=/dev/null
    export RABBITMQ_CONFIG_FILE="$folder/rabbitmq.conf"
    export RABBITMQ_ENABLED_PLUGINS_FILE="$folder/enabled_plugins"
    export RABBITMQ_MNESIA_BASE="$folder/mnesia" RABBITMQ_LOG_BASE="$folder/logs"
    export RABBITMQ_GENERATED_CONFIG_DIR="$folder/config" RABBITMQ_SCHEMA_DIR="$folder/schema"
    export RABBITMQ_PID_FILE="$folder/pid"
    export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1}"
    # Erlang would start its name service as a daemon that outlives it. One that is there already it
    # uses; this one stays in our process group and ends with it.
    epmd -address 127.0.0.1 -port "$5" &
    # So that it becomes the server instead of waiting for it.
    export RABBITMQ_ALLOW_INPUT=true
    exec "$server" -noinput
    ;;

*)
    echo "$name is none of the servers in $0" >&2
    exit 2
    ;;
esac

#!/bin/sh
# Stands in for `uproar` where tests start the built-in server: says where it listens, and ends with
# its stdin. Called as: serve --listen ADDRESS --exit-with-stdin [HOW [FILE]]
case "${5:-}" in
    ends) exit 7 ;;
    garbage) echo "hello"; exec cat >/dev/null ;;
    dies) echo "listening on ws://$3/"; exit 3 ;;
    leaves) echo "listening on ws://$3/"; cat >/dev/null; echo "ended" >"$6"; exit 0 ;;
    hangs) echo "listening on ws://$3/"; exec sleep 60 ;;
esac
echo "listening on ws://$3/"
exec cat >/dev/null

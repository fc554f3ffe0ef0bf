#!/bin/sh
# Trains a recipe by several workers on this machine; one that dies is started again, and all go on from the last
# checkpoint. On a cluster, its manager does the same: one `keras-i2i train` a machine, each with its own TF_CONFIG.
#
#     scripts/workers.sh COUNT FIRST_PORT RECIPE OUT [further options of keras-i2i train]
#
# Logs are written to OUT.worker0.log, OUT.worker1.log, ...
set -u
[ $# -ge 4 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
count=$1 port=$2 recipe=$3 out=$4
shift 4

addresses=
for index in $(seq 0 $((count - 1))); do
    addresses="$addresses${addresses:+, }\"127.0.0.1:$((port + index))\""
done

work() { # INDEX ARGUMENT...
    index=$1
    shift
    export TF_CONFIG="{\"cluster\": {\"worker\": [$addresses]}, \"task\": {\"type\": \"worker\", \"index\": $index}}"
    trap 'kill $child 2>/dev/null; exit 143' INT TERM
    while :; do
        keras-i2i train "$recipe" --out "$out" --strategy multiworker "$@" >>"$out.worker$index.log" 2>&1 &
        child=$!
        wait $child
        code=$?
        # 75: another worker was lost; above 128: this one was killed. Anything else would happen again.
        [ $code -eq 75 ] || [ $code -gt 128 ] || break
        sleep 1
    done
    [ $code -eq 0 ] || kill $$ # the others would wait for this one
    return $code
}

mkdir -p "$(dirname "$out")"
jobs=
trap 'kill $jobs 2>/dev/null; wait; exit 1' INT TERM
for index in $(seq 0 $((count - 1))); do
    work "$index" "$@" &
    jobs="$jobs $!"
done
wait

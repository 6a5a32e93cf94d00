#!/bin/sh
# Holds a HorizontalPodAutoscaler while Holdfast says that its pool must not shrink.
#
#   hold-scale-in.sh ZONE POOL HPA
#
# HOLDFAST_ENDPOINTS  API of nodes, with commas between them; one that answers is enough. Default http://127.0.0.1:7600
# HOLDFAST_TOKEN      of a principal with the role `read`, where the node is another machine
# EVERY               seconds between two questions. Default 15
#
# 1. Only a clear "it may" (200) lets it shrink. "It may not" (409), an error and silence hold it: an autoscaler that does not shrink costs money, one
#    that shrinks an evacuated zone costs the service.
# 2. Each round says the whole of it, whatever was said before: what somebody changed by hand comes back, and nothing is remembered here.
# 3. It never stops scaling out.
set -eu
if [ $# -ne 3 ]; then
  sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
zone=$1
pool=$2
hpa=$3

token() {
  # On curl's input, not its command line, which everybody on the machine can read.
  [ -z "${HOLDFAST_TOKEN:-}" ] || printf 'header = "Authorization: Bearer %s"\n' "$HOLDFAST_TOKEN"
}

# One node that says "it may not" holds it, whatever the others say: a node that is cut off answers by what it heard last. At least one has to say that it may.
may_scale_in() {
  allowed=1
  for endpoint in $(echo "${HOLDFAST_ENDPOINTS:-http://127.0.0.1:7600}" | tr ',' ' '); do
    status=$(token | curl -s -K - -o /dev/null -m 3 -w '%{http_code}' "$endpoint/v1/scale-in?zone=$zone&pool=$pool") || continue
    case $status in
      200) allowed=0 ;;
      409) return 1 ;;
    esac
  done
  return $allowed
}

while :; do
  if may_scale_in; then policy=Max; else policy=Disabled; fi
  kubectl --request-timeout=5s patch hpa "$hpa" --type merge -p "{\"spec\":{\"behavior\":{\"scaleDown\":{\"selectPolicy\":\"$policy\"}}}}" ||
    echo "hpa $hpa stays as it is; asked for scaleDown.selectPolicy $policy" >&2
  sleep "${EVERY:-15}"
done

# shellcheck shell=sh
# Sourced by the entry of the image.

# Both addresses that peers are to use come from one variable: a name, or an address.
[ -n "${TANDEM_EXTERNAL_HOST:-}" ] || unset TANDEM_EXTERNAL_HOST
[ -n "${TANDEM_MEDIA_EXTERNAL_IP:-}" ] || unset TANDEM_MEDIA_EXTERNAL_IP
if [ -n "${TANDEM_EXTERNAL_HOST:-}" ] && [ -z "${TANDEM_MEDIA_EXTERNAL_IP:-}" ]; then
  TANDEM_MEDIA_EXTERNAL_IP=$(node -e '
    require("dns").lookup(process.argv[1], 4, (error, address) => console.log(error ? "" : address));' "$TANDEM_EXTERNAL_HOST")
  if [ -z "$TANDEM_MEDIA_EXTERNAL_IP" ]; then
    echo "tandem: TANDEM_EXTERNAL_HOST: $TANDEM_EXTERNAL_HOST has no address: set TANDEM_MEDIA_EXTERNAL_IP, too" >&2
    exit 2
  fi
  export TANDEM_MEDIA_EXTERNAL_IP
fi

settings=$(tandem config --json) || exit 2
settings=$(echo "$settings" | node -e '
  const settings = JSON.parse(require("fs").readFileSync(0, "utf8"));
  for (const [key, { from }] of Object.entries(settings)) if (from === "default") console.log(key);')
# as_default <key> <variable> <value>
as_default() {
  case "
$settings
" in *"
$1
"*) export "$2=$3" ;; esac
}
as_default media.rtpPorts.min TANDEM_MEDIA_RTP_PORTS_MIN 20000
as_default media.rtpPorts.max TANDEM_MEDIA_RTP_PORTS_MAX 20099
as_default http.listen TANDEM_HTTP_LISTEN 0.0.0.0:8080
# A browser gives its microphone to a page over HTTPS only.
as_default http.tls TANDEM_HTTP_TLS true
# Calls go on in the next container: run is gone with this one.
as_default recovery.path TANDEM_RECOVERY_PATH /app/data/recovery
as_default control.listen TANDEM_CONTROL_LISTEN '["unixs:/var/run/kamailio/kamailio_ctl"]'
as_default control.writeFolder TANDEM_CONTROL_WRITE_FOLDER /app/recordings

# Others can get to HTTP here, so they have to show a token: made once, printed once.
as_default http.makeToken TANDEM_HTTP_MAKE_TOKEN true

#!/bin/bash
# Installs the package, tries what comes with it, purges it, and sees to it that nothing is left. $1 is the folder that the
# package is in, $2 that of the sources; HOME is where this may write, DOCKER_HOST a daemon.
set -euE
trap 'echo "line $LINENO: $BASH_COMMAND" >&2' ERR
files() { find / -xdev \( -path /var/lib/dpkg -o -path /var/log -o -path "$HOME" \) -prune -o -print | sort; }
files >"$HOME/before"
dpkg --install "$1"/barge_*.deb
test "$(command -v barge)" = /usr/bin/barge
barge load --input "$2/examples/hello"
barge save --output hello.tar hello-barge
barge archive verify hello.tar
zcat /usr/share/man/man1/barge-save.1.gz | grep -q 'barge.save'
bash -c '. /usr/share/bash-completion/completions/barge && complete -p barge'
getent group barge
systemd-analyze verify --man=no /usr/lib/systemd/system/barge.socket /usr/lib/systemd/system/barge.service
systemctl enable barge.socket
# The plugin takes from docker's daemon, and gives to it.
docker --help | grep -q 'barge\*'
docker barge load --input hello.tar
docker image inspect hello-barge >/dev/null
docker barge save --output again.tar hello-barge
barge archive verify again.tar
docker barge images | grep -q hello-barge
# Whoever kills docker's command line means the plugin, too: here it waits for a reader.
mkfifo waits
docker barge save --output waits hello-barge &
until pgrep -f 'docker barge save' | grep -qv "^$!\$"; do sleep 0.1; done
sleep 0.3
kill -TERM $!
wait $! || true
for _ in $(seq 50); do pgrep -f 'docker barge save' >/dev/null || break; sleep 0.1; done
if pgrep -fa 'docker barge save' >&2; then exit 1; fi
rm waits
# The image runs as nobody, with a store that lives in a volume.
image=$(docker load --quiet --input "$1/barge-image.tar" | sed "s/.*: //")
in_image() { docker run --rm --interactive --network=none --volume store:/var/lib/barge "$image" "$@"; }
in_image load <hello.tar
in_image save hello-barge >from-image.tar
cmp hello.tar from-image.tar
dpkg --remove barge
test ! -e /usr/bin/barge
dpkg --purge barge
test ! -e /etc/systemd/system/sockets.target.wants/barge.socket
sed -i '/^barge:/d' /etc/group /etc/gshadow
files >"$HOME/after"
# systemd keeps copies of the files that it changes groups in, and of what it made.
diff "$HOME/before" "$HOME/after" | grep '^[<>]' | grep -v -e '/etc/g\?shadow-$' -e '/etc/\(group\|passwd\)-$' -e '/etc/\.pwd\.lock$' -e /var/lib/systemd -e /run/systemd >"$HOME/left" || true
cat "$HOME/left" >&2
test ! -s "$HOME/left"

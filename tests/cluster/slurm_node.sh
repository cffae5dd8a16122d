#!/usr/bin/env bash
# One real Slurm node on this machine, for tests:
#
#   slurm_node.sh FOLDER [CPUS [MEMORY_MB]]
#
# Installs slurm-wlm and munge where they are missing (Debian, as root), starts both on 127.0.0.1 with all state in
# FOLDER, prints "ready", and waits until its standard input is closed or half an hour is over. However it ends, the
# daemons are stopped and /etc/slurm/slurm.conf, which Slurm insists on, is removed. It refuses to start where such a
# file exists. What it prints last before it fails is the reason.
set -euo pipefail

folder=$(realpath "$1")
cpus=${2:-4}
memory=${3:-8000}
configuration=/etc/slurm/slurm.conf

refuse() {
    echo "$1"
    exit 3
}

[ "$(id -u)" -eq 0 ] || refuse "Slurm's daemons want to be started by root"
[ ! -e "$configuration" ] || refuse "$configuration exists: this machine has a Slurm of its own"
if ! command -v slurmctld slurmd munged >/dev/null; then
    quick="-o Acquire::http::Timeout=15 -o Acquire::Retries=0"
    command -v apt-get >/dev/null || refuse "slurm-wlm and munge are not installed, and this is no Debian"
    {
        timeout 120 apt-get $quick install --yes --no-install-recommends slurm-wlm munge ||
            { timeout 60 apt-get $quick update && timeout 120 apt-get $quick install --yes --no-install-recommends slurm-wlm munge; }
    } >"$folder/install.log" 2>&1 </dev/null || refuse "slurm-wlm and munge cannot be installed: see $folder/install.log"
fi

port() { # a free one
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

running=()
made_folder=
stop() {
    trap - EXIT INT TERM HUP
    for process in "${running[@]}"; do kill "$process" 2>/dev/null || true; done
    for _ in $(seq 50); do
        alive=
        for process in "${running[@]}"; do kill -0 "$process" 2>/dev/null && alive=yes; done
        [ -n "$alive" ] || break
        sleep 0.1
    done
    for process in "${running[@]}"; do kill -KILL "$process" 2>/dev/null || true; done
    rm -f "$configuration"
    [ -z "$made_folder" ] || rmdir /etc/slurm 2>/dev/null || true
}
trap stop EXIT
trap 'exit 1' INT TERM HUP

mkdir -p "$folder/control" "$folder/node" "$folder/munge"
chmod 0700 "$folder/munge"
head -c 128 /dev/urandom >"$folder/munge/key"
chmod 0600 "$folder/munge/key"

# Memory is watched by looking at processes, once a second: no cgroup, which a container may not give.
[ -d /etc/slurm ] || { mkdir /etc/slurm && made_folder=yes; }
cat >"$configuration" <<END
ClusterName=tests
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=$(port)
SlurmdPort=$(port)
SlurmUser=root
SlurmdUser=root
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
StateSaveLocation=$folder/control
SlurmdSpoolDir=$folder/node
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
ReturnToService=2
MinJobAge=1800
KillWait=2
JobRequeue=0
NodeName=localhost NodeAddr=127.0.0.1 CPUs=$cpus RealMemory=$memory State=UNKNOWN
PartitionName=tests Nodes=localhost Default=YES MaxTime=INFINITE State=UP
END

munged --foreground --force --key-file="$folder/munge/key" --socket="$folder/munge/socket" \
    --pid-file="$folder/munge/pid" --log-file="$folder/munge/log" --seed-file="$folder/munge/seed" \
    >"$folder/munged.out" 2>&1 </dev/null &
running+=($!)
for _ in $(seq 100); do [ -S "$folder/munge/socket" ] && break; sleep 0.05; done
slurmctld -D >"$folder/slurmctld.out" 2>&1 </dev/null &
running+=($!)
slurmd -D -N localhost >"$folder/slurmd.out" 2>&1 </dev/null &
running+=($!)
for _ in $(seq 100); do
    [ "$(timeout 5 sinfo --noheader --format=%T 2>/dev/null || true)" = idle ] && break
    sleep 0.1
done
[ "$(timeout 5 sinfo --noheader --format=%T 2>/dev/null || true)" = idle ] ||
    refuse "Slurm's node does not come up: $(tail -n 2 "$folder/slurmd.log" "$folder/slurmctld.log" 2>&1 | tr '\n' ' ')"

echo ready
read -r -t 1800 _ || true

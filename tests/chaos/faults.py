"""Faults that a running cluster survives, by name. A fault does something to a Round (tests/chaos/chaos.py), for a while
where it is one that lasts; afterwards every worker that lives must go on."""

import time

FAULTS = {}


def fault(function):
    """Adds a function of a round to FAULTS."""
    FAULTS[function.__name__] = function
    return function


def last(round_):
    """Time in which a fault lasts, well below a lease: it is no reason to be lost."""
    time.sleep(round_.random.uniform(0.05, 0.4))


# ---- the network


@fault
def reset(round_):
    round_.any_proxy()("reset")


@fault
def reset_in_a_push(round_):
    round_.server_proxy()(f"reset_after up {round_.random.randrange(1, 5000)}")


@fault
def drop_an_acknowledgement(round_):
    round_.server_proxy()("swallow down 1")


@fault
def half_close(round_):
    round_.server_proxy()(f"half_close {round_.way()}")


@fault
def refuse(round_):
    proxy = round_.any_proxy()
    proxy("refuse")
    proxy("reset")
    last(round_)
    proxy("heal")


@fault
def cut_one_way(round_):
    proxy = round_.any_proxy()
    proxy(f"cut {round_.way()}")
    last(round_)
    proxy("heal")


@fault
def flap(round_):
    proxy = round_.any_proxy()
    for _ in range(round_.random.randrange(2, 6)):
        proxy(f"cut {round_.way()}")
        last(round_)
        proxy("heal")


@fault
def delay(round_):
    for proxy in round_.cluster.proxies.values():
        proxy("delay both 40ms 20ms")
    round_.cluster.wait_for_steps(5)
    for proxy in round_.cluster.proxies.values():
        proxy("heal")


@fault
def throttle(round_):
    proxy = round_.server_proxy()
    proxy(f"throttle {round_.way()} 200000")
    round_.cluster.wait_for_steps(5)
    proxy("heal")


# ---- processes


@fault
def kill_a_worker(round_):
    # The oracle tries every outcome of the last steps of every killed worker.
    if len(round_.cluster.killed) >= 4:
        return
    round_.cluster.kill_oracle(round_.random.choice(round_.cluster.living()))
    round_.cluster.start_oracle(f"oracle-{len(round_.cluster.names)}")


@fault
def kill_the_coordinator(round_):
    round_.cluster.coordinator.kill()
    round_.cluster.coordinator.wait()
    last(round_)
    round_.cluster.restart_coordinator()


@fault
def end_the_coordinator_at_its_store(round_):
    """It dies beside a write of its state, of which work for a new worker makes several."""
    place = round_.random.choice(["file_store.write", "file.write", "file.fsync", "file_store.written"])
    cluster = round_.cluster
    cluster.coordinator.kill()
    cluster.coordinator.wait()
    cluster.restart_coordinator(failpoints=f"{place}=abort:{round_.random.randrange(1, 4)}")
    if len(cluster.living()) < 3:
        cluster.start_oracle(f"oracle-{len(cluster.names)}")
    if not cluster.coordinator.ends_within(seconds=2):
        cluster.coordinator.kill()
        cluster.coordinator.wait()
    cluster.restart_coordinator()


@fault
def stop_for_a_while(round_):
    names = [name for name, daemon in round_.cluster.daemons.items() if daemon.is_running()]
    daemon = round_.cluster.daemons[round_.random.choice(names)]
    daemon.stop()
    last(round_)
    daemon.cont()


# ---- servers


def backed_up(status):
    return int(status["shards_filling"]) + int(status["shards_without_backup"]) == 0


def spare_server(round_):
    """A server that may go, when every shard has a backup; None: there is no other one."""
    cluster = round_.cluster
    if len(cluster.servers) < 2:
        return None
    cluster.wait_for(backed_up)
    return cluster.servers.pop(round_.random.randrange(len(cluster.servers)))


def add_server(round_):
    cluster = round_.cluster
    cluster.servers.append(cluster.start_server(f"server-{len(cluster.daemons)}"))


@fault
def kill_a_server(round_):
    server = spare_server(round_)
    if server is None:
        return
    server.kill()
    server.wait()
    add_server(round_)


@fault
def start_a_killed_server_again(round_):
    """What it had is in its log."""
    if round_.disk != "log":
        return
    cluster = round_.cluster
    i = round_.random.randrange(len(cluster.servers))
    cluster.servers[i].kill()
    cluster.servers[i].wait()
    if round_.random.random() < 0.5:
        last(round_)
    cluster.servers[i] = cluster.start_server(cluster.servers[i].name)


@fault
def stop_a_server_for_too_long(round_):
    """It goes on when its shards are elsewhere, and acknowledges nothing any more."""
    server = spare_server(round_)
    if server is None:
        return
    server.stop()
    # One before it may have had its name.
    round_.cluster.wait_for(lambda s: [m["state"] for m in s["servers"] if m["name"] == server.name][-1] == "LOST")
    server.cont()
    server.wait()
    add_server(round_)


@fault
def drain_a_server(round_):
    server = spare_server(round_)
    if server is None:
        return
    add_server(round_)
    round_.paramctl("server", "drain", server.name, "--coordinator", round_.cluster.address)
    server.wait()

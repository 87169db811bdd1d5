"""The four servers of OpenStack Swift in one process. Usage: swiftAllInOne.py DIRECTORY PROXY ACCOUNT CONTAINER OBJECT USER SECRET

Makes rings (partition power 6, one replica, one device) and configuration in DIRECTORY on first use; the four names stand
for ports, USER is account:user. Ends on SIGTERM. No memcached, no auditors, no replicators.
"""

import getpass
import logging
import os
import signal
import sys

from swift.common import utils

if hasattr(utils, "monkey_patch"):
    utils.monkey_patch()
else:
    utils.eventlet_monkey_patch()

import eventlet  # noqa: E402
from eventlet import wsgi  # noqa: E402
from swift.common import wsgi as swift_wsgi  # noqa: E402
from swift.common.ring import RingBuilder  # noqa: E402

DIRECTORY = sys.argv[1]
PORTS = dict(zip(("proxy", "account", "container", "object"), map(int, sys.argv[2:6])))
ACCESS, SECRET = sys.argv[6], sys.argv[7]
ETC = os.path.join(DIRECTORY, "etc")

COMMON = f"""[DEFAULT]
swift_dir = {ETC}
devices = {DIRECTORY}/srv
mount_check = false
bind_ip = 127.0.0.1
user = {getpass.getuser()}
workers = 0
log_level = WARNING
log_address = {DIRECTORY}/no-syslog
disable_fallocate = true
fallocate_reserve = 0
client_timeout = 60
node_timeout = 30
"""

BACKEND = """[pipeline:main]
pipeline = {name}-server
[app:{name}-server]
use = egg:swift#{name}
recon_cache_path = {directory}/cache
"""

# symlink must be in the pipeline or the proxy stops; memcache is addressed to nobody.
PROXY = """[pipeline:main]
pipeline = catch_errors healthcheck cache listing_formats s3api tempauth copy slo versioned_writes symlink proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
node_timeout = 30
recoverable_node_timeout = 30
[filter:tempauth]
use = egg:swift#tempauth
user_{account}_{user} = {secret} .admin
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
s3_acl = false
dns_compliant_bucket_names = true
max_upload_part_num = 10000
[filter:slo]
use = egg:swift#slo
max_manifest_segments = 10000
max_manifest_size = 8388608
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_object_versioning = true
allow_versioned_writes = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:symlink]
use = egg:swift#symlink
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:copy]
use = egg:swift#copy
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:1
"""


def write(name, text):
    with open(os.path.join(ETC, name), "w", encoding="utf-8") as file:
        file.write(text)


def configure():
    for folder in ("etc", "srv/d1", "cache"):
        os.makedirs(os.path.join(DIRECTORY, folder), exist_ok=True)
    write("swift.conf", "[swift-hash]\nswift_hash_path_suffix = medusa\n[storage-policy:0]\nname = one\ndefault = yes\n")
    for name in ("account", "container", "object"):
        backend = BACKEND.format(name=name, directory=DIRECTORY)
        write(f"{name}-server.conf", f"{COMMON}bind_port = {PORTS[name]}\n{backend}")
    account, user = ACCESS.split(":")
    proxy = PROXY.format(account=account, user=user, secret=SECRET)
    write("proxy-server.conf", f"{COMMON}bind_port = {PORTS['proxy']}\n{proxy}")


def build_rings():
    for name in ("account", "container", "object"):
        builder = RingBuilder(6, 1, 0)
        address = {"ip": "127.0.0.1", "port": PORTS[name]}
        replication = {"replication_ip": "127.0.0.1", "replication_port": PORTS[name]}
        builder.add_dev({"region": 1, "zone": 1, "device": "d1", "weight": 1, "meta": "", **address, **replication})
        builder.rebalance()
        builder.get_ring().save(os.path.join(ETC, f"{name}.ring.gz"))


class Quiet(logging.Logger):
    def __init__(self):
        super().__init__("quiet")

    def write(self, *_):
        pass


def serve(name):
    path = os.path.join(ETC, f"{name}-server.conf")
    application = swift_wsgi.loadapp(path, global_conf={"log_name": name})
    socket = eventlet.listen(("127.0.0.1", PORTS[name]), backlog=1024)
    protocol = swift_wsgi.SwiftHttpProtocol
    options = {"capitalize_response_headers": False, "log_output": False, "max_size": 1024, "socket_timeout": 60}
    return eventlet.spawn(wsgi.server, socket, application, Quiet(), protocol=protocol, **options)


if not os.path.exists(os.path.join(ETC, "object.ring.gz")):
    configure()
    build_rings()
utils.set_swift_dir(ETC)
utils.validate_configuration()
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
for thread in [serve(name) for name in ("account", "container", "object", "proxy")]:
    thread.wait()

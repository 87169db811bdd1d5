/** The configuration file of a small Ceph cluster: everything in one directory, everything on loopback, quick to start. */
import { join } from 'node:path';

export type CephLayout = {
  directory: string;
  clusterId: string;
  monitorPort: number;
  port: number;
  tree: string | undefined;
  tls: { certificateFile: string; keyFile: string; port: number } | undefined;
};

export function cephConfiguration({ directory, clusterId, monitorPort, port, tree, tls }: CephLayout): string {
  const libraries = tree && join(tree, 'usr/lib/x86_64-linux-gnu');
  const plugins = libraries
    ? `plugin_dir = ${libraries}/ceph
erasure_code_dir = ${libraries}/ceph/erasure-code
osd_class_dir = ${libraries}/rados-classes`
    : '';
  const secure = tls
    ? ` ssl_endpoint=127.0.0.1:${tls.port} ssl_certificate=${tls.certificateFile} ssl_private_key=${tls.keyFile}`
    : '';
  // ms_mon_client_mode: without cephx the newer radosgw hangs in any other. paxos_*: most of the start is spent there.
  return `[global]
fsid = ${clusterId}
mon_host = v2:127.0.0.1:${monitorPort}
mon_initial_members = a
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
ms_bind_ipv6 = false
ms_bind_msgr1 = false
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
auth_allow_insecure_global_id_reclaim = false
ms_mon_client_mode = crc
paxos_propose_interval = 0.05
paxos_min_wait = 0.01
mon_tick_interval = 1
osd_pool_default_size = 1
osd_pool_default_min_size = 1
mon_allow_pool_size_one = true
mon_warn_on_pool_no_redundancy = false
osd_crush_chooseleaf_type = 0
osd_pool_default_pg_num = 8
osd_pool_default_pgp_num = 8
osd_pool_default_pg_autoscale_mode = off
mon_max_pg_per_osd = 1000
mon_data = ${directory}/mon
osd_data = ${directory}/osd
run_dir = ${directory}/run
admin_socket = ${directory}/run/$name.asok
pid_file = ${directory}/run/$name.pid
log_file = ${directory}/log/$name.log
crash_dir = ${directory}/log
keyring = ${directory}/keyring
osd_objectstore = bluestore
bluestore_block_size = 21474836480
bluestore_block_create = true
bluestore_cache_size = 134217728
osd_memory_target = 939524096
osd_numa_auto_affinity = false
mon_data_avail_crit = 1
mon_data_avail_warn = 2
mon_osd_nearfull_ratio = .98
mon_osd_full_ratio = .99
osd_failsafe_full_ratio = .995
mon_osd_backfillfull_ratio = .985
${plugins}
[client.rgw.a]
rgw_frontends = beast endpoint=127.0.0.1:${port}${secure}
rgw_enable_usage_log = false
rgw_thread_pool_size = 64
rgw_enable_apis = s3, admin
# A change of quota counts at once.
rgw_user_quota_bucket_sync_interval = 1
rgw_bucket_quota_ttl = 0
`;
}

/** The SQL behind InstanceIndex, prepared once. */
import type Database from 'better-sqlite3';
import { unidentifiedStudy } from './instanceRow.ts';

export function prepareInstanceStatements(db: Database.Database) {
  return {
    insert: db.prepare(`INSERT INTO instance (seq, sop_instance, version, sop_class, transfer_syntax, study, series,
      modality, patient_id, peer, received_at, size, sha256, flags, state, extents, route_tags)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`),
    addLive: db.prepare(`UPDATE segment SET live = live + @live, live_bytes = live_bytes + @bytes,
      first_seq = min(coalesce(first_seq, @seq), @seq), last_seq = max(coalesce(last_seq, @seq), @seq)
      WHERE id = @segment AND generation = @generation`),
    noteSeqs: db.prepare(`UPDATE segment SET first_seq = min(coalesce(first_seq, @seq), @seq),
      last_seq = max(coalesce(last_seq, @seq), @seq) WHERE id = @segment AND generation = @generation`),
    indexedTo: db.prepare('UPDATE segment SET indexed_to = max(indexed_to, ?) WHERE id = ? AND generation = ?'),
    putSegment: db.prepare(`INSERT INTO segment (id, generation, state, indexed_to) VALUES (?, ?, ?, ?)
      ON CONFLICT (id) DO UPDATE SET live = iif(generation = excluded.generation, live, 0),
      live_bytes = iif(generation = excluded.generation, live_bytes, 0),
      first_seq = iif(generation = excluded.generation, first_seq, NULL),
      last_seq = iif(generation = excluded.generation, last_seq, NULL), generation = excluded.generation, state = excluded.state,
      indexed_to = excluded.indexed_to`),
    seal: db.prepare("UPDATE segment SET state = 'sealed', indexed_to = max(indexed_to, ?) WHERE id = ?"),
    segments: db.prepare('SELECT id, generation, state, indexed_to AS indexedTo, live FROM segment ORDER BY id'),
    reclaimable: db.prepare("SELECT id FROM segment WHERE state = 'sealed' AND live = 0"),
    sparse: db.prepare(
      "SELECT id, live FROM segment WHERE state = 'sealed' AND live > 0 AND live_bytes <= ? ORDER BY live_bytes LIMIT 64",
    ),
    quarantineDeliveries: db.prepare(
      "UPDATE delivery SET state = 'quarantined', error_code = ?, error_message = ? WHERE instance = ? AND state = 'ready'",
    ),
    releaseDeliveries: db.prepare(
      "UPDATE delivery SET state = 'ready', attempts = 0, next_attempt_at = 0 WHERE instance = ? AND state = 'quarantined'",
    ),
    badSource: db
      .prepare(`SELECT EXISTS (SELECT 1 FROM delivery WHERE instance = @seq AND error_code = @delivery)
        OR EXISTS (SELECT 1 FROM task_input WHERE instance = @seq AND hold = 'quarantined' AND code = @input)`)
      .pluck(),
    isConfirmed: db
      .prepare(`SELECT EXISTS (SELECT 1 FROM delivery WHERE instance = @seq AND state = 'delivered')
        OR EXISTS (SELECT 1 FROM task_input x JOIN task t ON t.id = x.task WHERE x.instance = @seq AND x.outcome = 'used'
        AND t.state = 'finished' AND t.open_results = 0 AND t.failed_results = 0
        AND EXISTS (SELECT 1 FROM result r WHERE r.task = t.id))`)
      .pluck(),
    failedTasks: db.prepare("SELECT task FROM task_input WHERE instance = ? AND hold = 'quarantined'").pluck(),
    clampAttempts: db.prepare(
      "UPDATE delivery SET next_attempt_at = ? WHERE state = 'ready' AND next_attempt_at > ? + 86400000",
    ),
    clampTasks: db.prepare(`UPDATE task SET due_at = @now WHERE state IN ('gathering', 'due')
      AND due_at > @now + max(quiet_ms, 86400000)`),
    clampStudies: db.prepare('UPDATE study SET last_received_at = ? WHERE last_received_at > ?'),
    clampDelivered: db.prepare("UPDATE instance SET delivered_at = ? WHERE state = 'delivered' AND delivered_at > ?"),
    setExtents: db.prepare('UPDATE instance SET extents = ? WHERE seq = ?'),
    versions: db.prepare('SELECT * FROM instance WHERE sop_instance = ? ORDER BY version'),
    sopInstanceUids: db.prepare('SELECT sop_instance FROM instance').pluck(),
    bySeq: db.prepare('SELECT * FROM instance WHERE seq = ?'),
    byStudy: db.prepare('SELECT * FROM instance WHERE study IS ? ORDER BY seq'),
    byDigest: db.prepare('SELECT seq FROM instance WHERE sha256 = ? AND extents IS NOT NULL LIMIT 1').pluck(),
    maxSeq: db.prepare('SELECT max(seq) FROM instance').pluck(),
    all: db.prepare('SELECT * FROM instance WHERE seq > ? ORDER BY seq LIMIT ?'),
    states: db.prepare('SELECT state, instances, bytes FROM instance_count'),
    addDelivery: db.prepare(`INSERT OR IGNORE INTO delivery (kind, store, instance, study, state, priority)
      VALUES ('instance', ?, ?, ?, 'ready', ?)`),
    insertPruned:
      db.prepare(`INSERT INTO instance (seq, sop_instance, version, sop_class, transfer_syntax, study, series,
      peer, received_at, size, sha256, flags, state)
      VALUES ((SELECT min(coalesce(min(seq), 0), 0) - 1 FROM instance), ?, ?, '', '', ?, ?, ?, ?, ?, ?, '', 'pruned')`),
    addDelivered: db.prepare(`INSERT OR IGNORE INTO delivery (kind, store, instance, study, state, receipt)
      VALUES ('instance', ?, ?, ?, 'delivered', ?)`),
    cleanStudyStore: db.prepare('INSERT OR IGNORE INTO study_store (study, store, dirty) VALUES (?, ?, 0)'),
    countVersions: db.prepare('SELECT count(*) FROM instance WHERE version > 1').pluck(),
    touchStudy: db.prepare(`INSERT INTO study (uid, last_received_at, instances, bytes) VALUES (?, ?, 1, ?)
      ON CONFLICT (uid) DO UPDATE SET last_received_at = max(last_received_at, excluded.last_received_at),
      instances = instances + 1, bytes = bytes + excluded.bytes`),
    touchStudyStore: db.prepare(`INSERT INTO study_store (study, store, dirty) VALUES (?, ?, 1)
      ON CONFLICT (study, store) DO UPDATE SET dirty = 1`),
    prunable: db.prepare(
      "SELECT * FROM instance WHERE state = 'delivered' AND delivered_at <= ? ORDER BY delivered_at LIMIT ?",
    ),
    prune: db.prepare("UPDATE instance SET state = 'pruned', extents = NULL WHERE seq = ?"),
    revive: db.prepare(`UPDATE instance SET state = 'ready', extents = ?, delivered_at = NULL WHERE seq = ?
      AND state = 'pruned'`),
    unrouted: db.prepare("SELECT * FROM instance WHERE state = 'received' AND seq > ? ORDER BY seq LIMIT ?"),
    setState: db.prepare('UPDATE instance SET state = ? WHERE seq = ?'),
    setFlags: db.prepare('UPDATE instance SET flags = ? WHERE seq = ?'),
    getMeta: db.prepare('SELECT value FROM meta WHERE name = ?').pluck(),
    setMeta: db.prepare('INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value'),
    studies: db.prepare(`SELECT uid, last_received_at AS lastReceivedAt, instances, bytes, derived_from AS derivedFrom,
      EXISTS (SELECT 1 FROM study_store s WHERE s.study = uid AND s.dirty = 1) AS open,
      iif(derived_from IS NULL, (SELECT count(*) FROM instance i WHERE i.study IS nullif(uid, '${unidentifiedStudy}')
        AND i.state IN ('delivered', 'pruned')),
        (SELECT count(*) FROM delivery d WHERE d.study = uid AND d.kind = 'result' AND d.state = 'delivered')) AS delivered
      FROM study WHERE uid > ? ORDER BY uid LIMIT ?`),
    studyDirty: db.prepare('SELECT dirty FROM study_store WHERE study = ? AND store = ?').pluck(),
    hasWork: db.prepare("SELECT EXISTS (SELECT 1 FROM delivery WHERE state = 'ready' AND store = ?)").pluck(),
    studyCounts: db.prepare(`SELECT (SELECT count(*) FROM study) AS total,
      (SELECT count(DISTINCT study) FROM study_store WHERE dirty = 1) AS open`),
  };
}

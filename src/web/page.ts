/** The status page: one document without script, written by the server, fresh every few seconds. Pure. */
import { createHash } from 'node:crypto';
import { applicationCells, applicationColumns, applicationNote } from './applicationText.ts';
import { commitmentCells, commitmentColumns } from './commitmentText.ts';
import { formatCount, formatDuration, formatSize, formatTime } from './format.ts';
import { Html, html } from './html.ts';
import { limitsSection, listenersSection, sendersSection } from './receptionPage.ts';
import type { ApplicationStatus, GatewayStatus, SpoolStatus, StoreStatus } from './status.ts';
import type { ActiveWarning } from './warnings.ts';

const refreshSeconds = 5;

const style = `
:root{color-scheme:light dark;--line:#8884;--dim:#666;--info:#36c;--warning:#a60;--error:#c22;--critical:#c22;--ok:#174}
@media(prefers-color-scheme:dark){:root{--dim:#aaa;--info:#8bf;--warning:#fb4;--error:#f77;--critical:#f77;--ok:#6d9}}
*{box-sizing:border-box}
body{font:16px/1.45 system-ui,sans-serif;margin:0 auto;padding:1rem;max-width:64rem}
h1{font-size:1.4rem;margin:0}h2{font-size:1.05rem;margin:1.6rem 0 .4rem}
.dim{color:var(--dim)}.ok{color:var(--ok)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.3rem .8rem .3rem 0;border-bottom:1px solid var(--line);vertical-align:top}
th{font-weight:600;color:var(--dim);white-space:nowrap}
td.name{white-space:nowrap}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
ul.w{list-style:none;margin:0;padding:0}
ul.w li{border-left:.3rem solid;padding:.3rem .8rem;margin:.5rem 0}
ul.w li.info{border-color:var(--info)}ul.w li.warning{border-color:var(--warning)}
ul.w li.error{border-color:var(--error)}ul.w li.critical{border-color:var(--critical)}
b.error,b.critical,td.error,ul.w b.error,ul.w b.critical{color:var(--error)}
meter{width:100%;height:1.2rem}
`;

const rawStyle = new Html(style);

/** What the page may load: its own style and nothing else. */
export const pagePolicy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

function warningItem(warning: ActiveWarning, now: number): Html {
  return html`<li class="${warning.severity}"><b class="${warning.severity}">${warning.title}</b>
<span class="dim">${warning.severity}, for ${formatDuration(now - warning.since)}</span>
<div>${warning.text}</div><div class="dim">${warning.hint}</div></li>`;
}

function healthSection({ warnings, now }: GatewayStatus): Html {
  if (warnings.length === 0) return html`<p class="ok">All is well: no warnings.</p>`;
  return html`<ul class="w">${warnings.map((warning) => warningItem(warning, now))}</ul>`;
}

function spoolSection(spool: SpoolStatus, { open, complete }: GatewayStatus['studies']): Html {
  const { received, routed, delivered, quarantined } = spool.instances;
  const percent = spool.quotaBytes > 0 ? Math.round((100 * spool.usedBytes) / spool.quotaBytes) : 0;
  const refusing = spool.refusing
    ? html`<p><b class="critical">Refusing new instances:</b> ${spool.reason ?? ''}</p>`
    : undefined;
  return html`<h2>Spool</h2>${refusing}
<meter min="0" max="${spool.quotaBytes}" high="${spool.quotaBytes * 0.8}" value="${spool.usedBytes}">${percent} %</meter>
<p>${formatSize(spool.usedBytes)} of ${formatSize(spool.quotaBytes)} (${percent} %),
${formatCount(spool.freeSegments)} of ${formatCount(spool.totalSegments)} segments free.
Instances: ${formatCount(received)} received, ${formatCount(routed)} on their way, ${formatCount(delivered)} delivered,
${formatCount(quarantined)} in quarantine. Studies: ${formatCount(open)} open, ${formatCount(complete)} complete.</p>`;
}

function storeState(store: StoreStatus, now: number): Html {
  if (store.state !== 'waiting') return html`<td>${store.state}</td>`;
  const next =
    store.nextAttemptAt === undefined ? '' : `, next attempt in ${formatDuration(store.nextAttemptAt - now)}`;
  return html`<td class="error">waiting${next}<div class="dim">${store.lastError?.message ?? ''}</div></td>`;
}

function storesSection({ stores, now }: GatewayStatus): Html {
  if (stores.length === 0) return html`<h2>Stores</h2><p class="dim">None configured.</p>`;
  const row = (store: StoreStatus) => html`<tr><td>${store.name} <span class="dim">${store.type}</span></td>
${storeState(store, now)}<td class="n">${formatCount(store.queued)}</td><td class="n">${formatCount(store.inFlight)}</td>
<td class="n">${formatCount(store.delivered)}</td><td class="n">${formatSize(store.deliveredBytes)}</td>
<td class="n">${formatCount(store.quarantined)}</td></tr>`;
  return html`<h2>Stores</h2><div class="scroll"><table>
<tr><th>Store</th><th>State</th><th class="n">Waiting</th><th class="n">Under way</th><th class="n">Delivered</th><th class="n">Bytes</th><th class="n">Quarantine</th></tr>
${stores.map(row)}</table></div>`;
}

/** Nothing at all while nobody has asked for it. */
function commitmentsSection({ commitments }: GatewayStatus): Html | undefined {
  if (commitments.length === 0) return undefined;
  const cells = (tag: 'th' | 'td', [first = '', ...numbers]: readonly string[]) =>
    tag === 'th'
      ? html`<tr><th>${first}</th>${numbers.map((text) => html`<th class="n">${text}</th>`)}</tr>`
      : html`<tr><td>${first}</td>${numbers.map((text) => html`<td class="n">${text}</td>`)}</tr>`;
  return html`<h2>Storage commitment</h2><div class="scroll"><table>
${cells('th', commitmentColumns)}
${commitments.map((peer) => cells('td', commitmentCells(peer)))}</table></div>`;
}

/** Nothing at all where there are none. */
function applicationsSection({ applications }: GatewayStatus): Html | undefined {
  if (applications.length === 0) return undefined;
  const [first = '', ...numbers] = applicationColumns;
  const row = (one: ApplicationStatus) => {
    const [name = '', ...cells] = applicationCells(one);
    const note = applicationNote(one);
    return html`<tr><td>${name}${note === undefined ? '' : html`<div class="dim">${note}</div>`}</td>
${cells.map((text) => html`<td class="n">${text}</td>`)}</tr>`;
  };
  return html`<h2>Split applications</h2><div class="scroll"><table>
<tr><th>${first}</th>${numbers.map((text) => html`<th class="n">${text}</th>`)}</tr>
${applications.map(row)}</table></div>`;
}

/** The whole document. */
export function renderPage(status: GatewayStatus): string {
  const { site, aeTitle, version, now, startedAt, receipts } = status;
  const mark = status.warnings.some(({ severity }) => severity === 'critical' || severity === 'error') ? '(!) ' : '';
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${mark}${site}: MEDUSA Edge Gateway</title>
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="refresh" content="${refreshSeconds}"><style>${rawStyle}</style></head><body>
<h1>${site}</h1>
<p class="dim">MEDUSA Edge Gateway ${version}, AE title ${aeTitle}, running for ${formatDuration(now - startedAt)};
${formatTime(now)} UTC</p>
${healthSection(status)}
${spoolSection(status.spool, status.studies)}
${storesSection(status)}
${sendersSection(status)}
${limitsSection(status)}
${commitmentsSection(status)}
${applicationsSection(status)}
${listenersSection(status)}
<p class="dim">${formatCount(receipts.count)} receipts, the last is number ${receipts.lastSeq}.</p>
</body></html>
`.text;
}

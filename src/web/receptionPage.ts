/** The sections of the status page on senders, limits and listeners. Pure. */
import { formatCount, formatSize } from './format.ts';
import { type Html, html } from './html.ts';
import { hasUnsureFigures, heldText, limitTexts, noFigure, senderText, unsureNote } from './receptionText.ts';
import type { GatewayStatus, ListenerStatus, PeerStatus } from './status.ts';

/** AE titles may be many where anybody may send: the page shows those that were seen last. */
const maxSenders = 50;

function senderRow(peer: PeerStatus, now: number): Html {
  const text = senderText(peer, now);
  const why = text.turnedAwayWhy === undefined ? undefined : html`<div class="dim">${text.turnedAwayWhy}</div>`;
  const current = text.lastMinute === undefined ? undefined : html`<div class="ok">last min. ${text.lastMinute}</div>`;
  const second = (name: string, value: string) =>
    value === noFigure ? undefined : html`<div class="dim">${name} ${value}</div>`;
  return html`<tr><td class="name">${peer.aeTitle}</td><td>${text.lastSeen}</td>
<td class="n">${formatCount(peer.openAssociations)}</td>
<td class="n">${formatCount(peer.instances)}<div class="dim">${formatSize(peer.bytes)}</div></td>
<td class="n">${text.rate}${second('P20', text.rateP20)}${current}</td>
<td class="n">${text.acknowledgedP50}${second('P99', text.acknowledgedP99)}</td>
<td class="n">${text.available}</td>
<td>${text.turnedAway}${why}</td></tr>`;
}

export function sendersSection({ peers, now }: GatewayStatus): Html {
  if (peers.length === 0) return html`<h2>Senders</h2><p class="dim">None configured.</p>`;
  // Strangers last, however often they knock.
  const isGathered = ({ link }: PeerStatus) => Number(link === undefined);
  const latest = [...peers].sort((a, b) => isGathered(a) - isGathered(b) || (b.lastSeenAt ?? 0) - (a.lastSeenAt ?? 0));
  const left = latest.length - maxSenders;
  const more = left > 0 ? html`<p class="dim">And ${left} more: see medusa-gateway status.</p>` : undefined;
  const note = hasUnsureFigures(peers) ? html`<p class="dim">${unsureNote}</p>` : undefined;
  return html`<h2>Senders</h2><div class="scroll"><table>
<tr><th>AE title</th><th>Last seen</th><th class="n">Open</th><th class="n">Images</th><th class="n">Rate</th>
<th class="n">Acknowledged in</th><th class="n">Available</th><th>Turned away</th></tr>
${latest.slice(0, maxSenders).map((peer) => senderRow(peer, now))}</table></div>${more}${note}
<p class="dim">Rate, acknowledgement and availability are of the last 24 hours.</p>`;
}

export function limitsSection(status: GatewayStatus): Html {
  const limits = limitTexts(status);
  const held = heldText(status);
  const waited = held === undefined ? undefined : html`<p>${held}</p>`;
  if (limits.length === 0) {
    return html`<h2>Limits</h2><p class="dim">None is near, and none was reached within a day.</p>${waited}`;
  }
  const row = ({ key, limit, inUse, hits }: (typeof limits)[number]) => html`<tr><td>${key}</td>
<td class="n">${inUse}</td><td class="n">${limit}</td><td>${hits}</td></tr>`;
  return html`<h2>Limits that are near or were reached</h2><div class="scroll"><table>
<tr><th>Key</th><th class="n">In use</th><th class="n">Limit</th><th>Reached</th></tr>
${limits.map(row)}</table></div>${waited}`;
}

export function listenersSection({ listeners }: GatewayStatus): Html {
  const row = (listener: ListenerStatus) => html`<tr><td>${listener.name}</td><td>${listener.address}</td>
<td>${listener.tls ? 'TLS' : 'plain'}</td>
<td class="${listener.listening ? 'ok' : 'error'}">${listener.listening ? 'listening' : 'not listening'}</td>
<td class="n">${formatCount(listener.openAssociations)}</td></tr>`;
  return html`<h2>Listeners</h2><div class="scroll"><table>
<tr><th>Name</th><th>Address</th><th>Security</th><th>State</th><th class="n">Open associations</th></tr>
${listeners.map(row)}</table></div>`;
}

/** What is answered to a request for an association: negotiate, answerRoles. */
import { isUid } from '../../../src/dicom/uids.ts';
import { answerRoles, defaultNegotiationPolicy, negotiate } from '../../../src/dicom/upperLayer/negotiation.ts';
import { type AssociateRq, contextResult, decodePdu, encodePdu } from '../../../src/dicom/upperLayer/pdu.ts';
import { PduError } from '../../../src/dicom/upperLayer/pduError.ts';
import { chunk, type FuzzCase, streamOf } from '../fuzzCase.ts';
import { associateRq } from '../generate.ts';
import { Random } from '../random.ts';
import { conversations } from '../seeds.ts';
import { hold, type Observe, same, type Target } from '../target.ts';

/** The first PDU of a stream, when it is a request. */
function requestIn(stream: Buffer): AssociateRq | undefined {
  if (stream.length < 6 || stream[0] !== 1) return undefined;
  try {
    const pdu = decodePdu(1, stream.subarray(6, 6 + stream.readUInt32BE(2)));
    return pdu.type === 'associate-rq' ? pdu : undefined;
  } catch (error) {
    if (!(error instanceof PduError)) throw error;
    return undefined;
  }
}

export function negotiationTarget(): Target {
  return {
    name: 'negotiation',
    operations: 0,
    weight: 2,
    maxBytes: 4000,
    seeds: () => conversations().map((stream, i) => ({ seed: i, steps: [chunk(stream.subarray(0, 4000))] })),
    generate: (random) => ({ seed: random.u32(), steps: [chunk(associateRq(random))] }),
    run(fuzzCase: FuzzCase, observe: Observe) {
      const request = requestIn(streamOf(fuzzCase));
      if (request === undefined) return observe('no request');
      const ids = request.contexts.map((context) => context.id);
      const random = new Random(fuzzCase.seed);
      const syntaxes = request.contexts.flatMap((context) => context.transferSyntaxes);
      const preference = syntaxes.filter(() => random.oneIn(3));
      const policy = { ...defaultNegotiationPolicy, transferSyntaxPreference: preference };
      const negotiated = negotiate(request.contexts, policy);
      const sound = ids.every((id) => id % 2 === 1) && new Set(ids).size === ids.length;
      hold('problem' in negotiated !== sound, 'IDs that are odd and come once, and only those, are negotiated');
      if ('problem' in negotiated) return observe('problem');

      same(
        negotiated.results.map(({ id }) => id),
        ids,
        'every context is answered, in order',
      );
      for (const [i, { result, transferSyntax, id }] of negotiated.results.entries()) {
        const proposed = request.contexts[i];
        if (proposed === undefined) continue;
        observe(`result ${result}`);
        const accepted = negotiated.accepted.get(id);
        hold((result === contextResult.acceptance) === (accepted !== undefined), 'accepted is what is answered so');
        if (accepted === undefined) continue;
        same(accepted, { id, abstractSyntax: proposed.abstractSyntax, transferSyntax }, 'accepted as proposed');
        hold(isUid(transferSyntax) && proposed.transferSyntaxes.includes(transferSyntax), 'one that was proposed');
        hold(policy.accepts(proposed.abstractSyntax) && isUid(proposed.abstractSyntax), 'a class that is served');
        const preferred = preference.find((syntax) => isUid(syntax) && proposed.transferSyntaxes.includes(syntax));
        hold(preferred === undefined || preferred === transferSyntax, 'the preferred one');
      }
      const accepted = new Set([...negotiated.accepted.values()].map((context) => context.abstractSyntax));
      const roles = answerRoles(request.userInformation.roleSelections, accepted);
      const classes = roles.map((role) => role.sopClassUid);
      hold(
        new Set(classes).size === classes.length && classes.every((one) => accepted.has(one)),
        'a role for a class, once',
      );
      observe(`${roles.length} roles`);
      checkAnswer(request, negotiated.results, roles);
    },
  };
}

/** The answer can be sent and read, and no peer gets much more than it sent. */
function checkAnswer(
  request: AssociateRq,
  contexts: Extract<ReturnType<typeof negotiate>, { results: unknown }>['results'],
  roleSelections: AssociateRq['userInformation']['roleSelections'],
): void {
  const { calledAeTitle, callingAeTitle } = request;
  const userInformation = { maximumLength: 16384, implementationClassUid: '1.2', roleSelections };
  const encoded = encodePdu({ type: 'associate-ac', calledAeTitle, callingAeTitle, contexts, userInformation });
  const read = decodePdu(2, encoded.subarray(6));
  same(read.type === 'associate-ac' && read.contexts, contexts, 'the answer reads as it was meant');
  hold(
    encoded.length <= encodePdu(request).length + 200 + 30 * contexts.length,
    'an answer about as long as the request',
  );
}

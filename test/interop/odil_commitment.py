#!/usr/bin/python3
"""Storage Commitment Push Model SCU (PS3.4 annex J) by Odil, which knows messages and associations but not this service.

usage: odil_commitment.py HOST PORT CALLING CALLED {same | PORT_FOR_REPORT} SOP_CLASS_UID SOP_INSTANCE_UID...
The report is awaited on the association of the request (same), or on a new one that comes in at the given port.
Prints one JSON object: {"action": status, "transaction": uid, "report": {"event": n, "transaction": uid, "committed":
[uid...], "failed": {uid: reason...}}}; "report" is missing, and the exit code 1, when the request was refused.
"""

import json
import multiprocessing
import sys
import uuid

import odil

PUSH_MODEL = odil.registry.StorageCommitmentPushModel
INSTANCE = odil.registry.StorageCommitmentPushModelInstance
SYNTAXES = [odil.registry.ExplicitVRLittleEndian, odil.registry.ImplicitVRLittleEndian]
N_ACTION_RQ, N_EVENT_REPORT_RSP = 0x0130, 0x8100
WITH_DATA_SET, NO_DATA_SET = 0x0001, 0x0101


def context():
    """Both roles: this side asks (SCU), and takes the report on the same association (PS3.4 J.3.1)."""
    role = odil.AssociationParameters.PresentationContext.Role.Both
    return odil.AssociationParameters.PresentationContext(1, PUSH_MODEL, SYNTAXES, role)


def action(message_id, transaction, sop_class, sop_instances):
    command = odil.DataSet()
    command.add("RequestedSOPClassUID", [PUSH_MODEL])
    command.add("CommandField", [N_ACTION_RQ])
    command.add("MessageID", [message_id])
    command.add("CommandDataSetType", [WITH_DATA_SET])
    command.add("RequestedSOPInstanceUID", [INSTANCE])
    command.add("ActionTypeID", [1])
    references = []
    for sop_instance in sop_instances:
        reference = odil.DataSet()
        reference.add("ReferencedSOPClassUID", [sop_class])
        reference.add("ReferencedSOPInstanceUID", [sop_instance])
        references.append(reference)
    data_set = odil.DataSet()
    data_set.add("TransactionUID", [transaction])
    data_set.add("ReferencedSOPSequence", references)
    return odil.messages.Message(command, data_set)


def text(data_set, name):
    return bytes(data_set.as_string(name)[0]).decode().rstrip("\0 ")


def items(data_set, name):
    return list(data_set.as_data_set(name)) if data_set.has(name) else []


def take_report(association):
    """Waits for N-EVENT-REPORT, answers Success and says what is in it."""
    message = association.receive_message()
    request = message.get_command_set()
    response = odil.DataSet()
    response.add("AffectedSOPClassUID", [PUSH_MODEL])
    response.add("CommandField", [N_EVENT_REPORT_RSP])
    response.add("MessageIDBeingRespondedTo", list(request.as_int("MessageID")))
    response.add("CommandDataSetType", [NO_DATA_SET])
    response.add("Status", [0])
    response.add("AffectedSOPInstanceUID", [INSTANCE])
    association.send_message(odil.messages.Message(response), PUSH_MODEL)
    content = message.get_data_set()
    return {
        "event": request.as_int("EventTypeID")[0],
        "transaction": text(content, "TransactionUID"),
        "committed": [text(one, "ReferencedSOPInstanceUID") for one in items(content, "ReferencedSOPSequence")],
        "failed": {
            text(one, "ReferencedSOPInstanceUID"): one.as_int("FailureReason")[0]
            for one in items(content, "FailedSOPSequence")
        },
    }


def listen(port, results):
    association = odil.Association()
    association.set_tcp_timeout(40)
    association.receive_association("v4", port)
    results.send(take_report(association))
    try:
        association.receive_message()
    except Exception:  # its way to say that the other side released
        pass


def main():
    host, port, calling, called, place, sop_class, *sop_instances = sys.argv[1:]
    reports, results = [], None
    if place != "same":
        # A process: Odil holds the interpreter's lock while it waits for an association.
        results, ours = multiprocessing.Pipe(duplex=False)
        multiprocessing.Process(target=listen, args=(int(place), ours), daemon=True).start()
    association = odil.Association()
    association.set_peer_host(host)
    association.set_peer_port(int(port))
    association.set_tcp_timeout(30)
    association.update_parameters().set_calling_ae_title(calling).set_called_ae_title(
        called
    ).set_presentation_contexts([context()])
    association.associate()
    transaction = "2.25.%d" % uuid.uuid4().int
    association.send_message(action(association.next_message_id(), transaction, sop_class, sop_instances), PUSH_MODEL)
    status = association.receive_message().get_command_set().as_int("Status")[0]
    result = {"action": status, "transaction": transaction}
    if status == 0 and results is None:
        reports.append(take_report(association))
    association.release()
    if status == 0 and results is not None and results.poll(40):
        reports.append(results.recv())
    if reports:
        result["report"] = reports[0]
    print(json.dumps(result))
    sys.exit(0 if reports else 1)


main()

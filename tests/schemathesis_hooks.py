"""What Schemathesis is told of this API, so that no operation has to be left out and none ends at the door.

Whoever the run signs in as stays: what would take them off the desk is done to `ana` instead, whose name
takes the place of theirs as a value, and what would take their tokens away to a token that is not there.
`pat` is there to sign in, to sign out (a bearer token has no session to end) and to have a new password.
Every other call that is as described also names things that are there, which nobody would guess.
"""

import atexit
import collections
import itertools
import json
import os
import urllib.request

import schemathesis
from schemathesis.core import NOT_SET
from schemathesis.generation import GenerationMode

URL = os.environ["CALLNUMBER_URL"]
KEEPER = os.environ["CALLNUMBER_KEEPER"]
PAT_TOKEN = os.environ["PAT_TOKEN"]
SPARED = dict.fromkeys([KEEPER, "pat", "lee", "may"], "ana")
# Ids of the tokens that the run needs: the beginning of a token's hash.
tokens = {}
password = "correct horse battery"
turn = itertools.count()
answers = collections.defaultdict(collections.Counter)

# What is there, by what a path's parameter stands for.
THERE = {
    "/conversations/{id}": {"id": 1},
    "/modems/{name}": {"name": "front-desk"},
    "/gateways/{name}": {"name": "front-desk"},
    "/gateways/{gateway}": {"gateway": "ask"},
    "/operators/{name}": {"name": "ana"},
    "/canned/{key}": {"key": "hours"},
}
# And in a body, by operation.
KNOWN = {
    "askUssd": {"code": "*100#"},
    "setAlerts": {"email": [], "phones": ["+15551230199"]},
    "setLog": {"level": "info"},
    "transferConversation": {"to": "operator:lee"},
}
CHANGES = {
    "amendDesk", "makeLink", "removeOperator", "revokeToken", "setAddresses", "setOperator", "shutOut",
}


@schemathesis.serializer("application/toml")
def toml(ctx, value):
    return value.encode(errors="replace") if isinstance(value, str) else json.dumps(value).encode()


def _ask(method, path, body=None, token=None):
    request = urllib.request.Request(URL + "api/v1" + path, method=method)
    if token:
        request.add_header("Authorization", "Bearer " + token)
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    return urllib.request.urlopen(request, timeout=60)


def _needed():
    if not tokens:
        with _ask("GET", "/tokens?operator=all", token=os.environ["KEEPER_TOKEN"]) as answer:
            tokens.update((one["id"], "000000000000") for one in json.load(answer)["items"])
    return {**SPARED, **tokens}


def _instead(value, other):
    """The value with some strings exchanged, wherever they are in it."""
    if isinstance(value, str):
        return other.get(value, value)
    if isinstance(value, dict):
        return {key: _instead(one, other) for key, one in value.items()}
    if isinstance(value, list):
        return [_instead(one, other) for one in value]
    return value


def _is_keepers(headers):
    return "Authorization" in (headers or {})


def _as_described(case):
    return case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE


@schemathesis.hook
def before_call(context, case, kwargs):
    name = case.operation.definition.raw.get("operationId")
    free = _as_described(case) and case.meta.phase.name.value != "stateful" and next(turn) % 2 == 0
    if free and case.path_parameters:
        for begin, parameters in THERE.items():
            if case.operation.path.startswith(begin):
                case.path_parameters = {**case.path_parameters, **parameters}
    if name in CHANGES:
        if case.path_parameters:
            case.path_parameters = _instead(case.path_parameters, _needed())
        if case.body is not NOT_SET:
            case.body = _instead(case.body, _needed())
    if free and name in KNOWN:
        case.body = {**case.body, **KNOWN[name]}
    if free and name == "signIn":
        case.body = {**case.body, "name": "pat", "password": password}
    if free and name == "setPassword" and _is_keepers(case.headers):
        case.headers["Authorization"] = "Bearer " + PAT_TOKEN
        case.body = {**case.body, "current": password}
    if free and name == "signOut" and _is_keepers(case.headers):
        with _ask("POST", "/session", {"name": "pat", "password": password}) as answer:
            cookie = answer.headers["Set-Cookie"].split(";")[0]
        del case.headers["Authorization"]
        case.headers["Cookie"] = cookie


@schemathesis.hook
def after_call(context, case, response):
    global password
    name = case.operation.definition.raw.get("operationId")
    answers[name][response.status_code] += 1
    if name == "setPassword" and response.status_code == 204:
        password = case.body["new"]


@atexit.register
def tell():
    """How each operation answered: one that never said yes was only tried at its door."""
    if not answers:
        return
    print("\nAnswers, by operation:")
    for name in sorted(answers):
        said = ", ".join(f"{status} {count}" for status, count in sorted(answers[name].items()))
        door = "" if any(status < 300 for status in answers[name]) else "  (never said yes)"
        print(f"  {name}: {said}{door}")

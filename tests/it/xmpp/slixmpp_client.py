"""An XMPP client made of slixmpp, driven by lines on standard input.

Each line is a JSON list: what to do, and with what. Whatever happens is told as one JSON object a
line on standard output. It decides nothing: the story is told by whoever drives it.
"""

import asyncio
import hashlib
import io
import json
import sys
import urllib.request

import slixmpp


def tell(event, **details):
    print(json.dumps({"event": event, **details}), flush=True)


class Client(slixmpp.ClientXMPP):
    def __init__(self, jid, password):
        super().__init__(jid, password)
        for plugin in ("xep_0004", "xep_0030", "xep_0050", "xep_0054", "xep_0066", "xep_0085",
                       "xep_0092", "xep_0153", "xep_0184", "xep_0199", "xep_0203", "xep_0363"):
            self.register_plugin(plugin)
        # What most clients do unasked: say that a message was received, accept friends.
        self["xep_0184"].auto_ack = True
        self["xep_0184"].auto_request = True
        self["feature_mechanisms"].unencrypted_plain = True
        self.roster.auto_authorize = True
        self.roster.auto_subscribe = True
        self.add_event_handler("session_start", self.session_started)
        self.add_event_handler("message", self.message_came)
        self.add_event_handler("message_error", self.error_came)
        self.add_event_handler("receipt_received", self.receipt_came)
        self.add_event_handler("presence_available", self.presence_came)
        self.add_event_handler("presence_xa", self.presence_came)
        self.add_event_handler("presence_unavailable", self.presence_came)
        self.add_event_handler("failed_auth", lambda _: tell("failed"))

    async def session_started(self, _):
        await self.get_roster()
        self.send_presence()
        tell("ready", jid=self.boundjid.full)

    def message_came(self, message):
        if message["type"] in ("chat", "normal") and message["body"]:
            stamp = message["delay"]["stamp"] if message.get_plugin("delay", check=True) else None
            tell("message", id=message["id"], sender=str(message["from"]), body=message["body"],
                 file=message["oob"]["url"] or None, stamp=stamp.isoformat() if stamp else None)

    def error_came(self, message):
        tell("error", id=message["id"], condition=message["error"]["condition"],
             text=message["error"]["text"], body=message["body"])

    def receipt_came(self, message):
        tell("receipt", id=message["receipt"])

    def presence_came(self, presence):
        tell("presence", sender=str(presence["from"]), kind=presence["type"],
             status=presence["status"], photo=presence["vcard_temp_update"]["photo"])

    async def do(self, what, *details):
        if what == "presence":
            self.send_presence(pto=details[0], pshow=details[1] if len(details) > 1 else None)
        elif what == "subscribe":
            self.send_presence_subscription(pto=details[0], ptype="subscribe")
        elif what == "say":
            message = self.make_message(mto=details[0], mbody=details[1], mtype="chat")
            message.send()
            tell("said", id=message["id"])
        elif what == "link":
            message = self.make_message(mto=details[0], mbody=details[1], mtype="chat")
            message["oob"]["url"] = details[1]
            message.send()
            tell("said", id=message["id"])
        elif what == "upload":
            await self.upload(*details)
        elif what == "download":
            loop = asyncio.get_running_loop()
            with await loop.run_in_executor(None, urllib.request.urlopen, details[0]) as answer:
                content = answer.read()
            tell("download", bytes=content.hex(), kind=answer.headers["Content-Type"])
        elif what == "items":
            answer = await self["xep_0030"].get_items(jid=details[0])
            tell("items", jids=sorted(jid for jid, _, _ in answer["disco_items"]["items"]))
        elif what == "identity":
            answer = await self["xep_0030"].get_info(jid=details[0])
            tell("identity", identities=sorted(i[:2] for i in answer["disco_info"]["identities"]))
        elif what == "version":
            answer = await self["xep_0092"].get_version(details[0])
            tell("version", name=answer["software_version"]["name"])
        elif what == "picture":
            card = await self["xep_0054"].get_vcard(jid=details[0])
            photo = card["vcard_temp"]["PHOTO"]
            tell("picture", name=card["vcard_temp"]["FN"], kind=photo["TYPE"],
                 bytes=photo["BINVAL"].hex(), sha1=hashlib.sha1(photo["BINVAL"]).hexdigest())
        elif what == "command":
            await self.command(*details)
        elif what == "leave":
            await self.disconnect()

    async def upload(self, jid, name, kind, content):
        """To the service that the client's own server names (XEP-0363 §4), and its link to somebody."""
        content = bytes.fromhex(content)
        server = self.boundjid.domain
        for place, _, _ in (await self["xep_0030"].get_items(jid=server))["disco_items"]["items"]:
            try:
                info = await self["xep_0030"].get_info(jid=place)
            except slixmpp.exceptions.IqError:
                # A box that is not linked: it answers nothing.
                continue
            if "urn:xmpp:http:upload:0" in info["disco_info"]["features"]:
                self["xep_0363"].upload_service = place
        link = await self["xep_0363"].upload_file(
            name, size=len(content), content_type=kind, input_file=io.BytesIO(content))
        message = self.make_message(mto=jid, mbody=link, mtype="chat")
        message["oob"]["url"] = link
        message.send()
        tell("uploaded", link=link, id=message["id"])

    async def command(self, jid, node, fields):
        """One ad-hoc command, from its form to its last word (XEP-0050 §2)."""
        first = await self["xep_0050"].send_command(jid, node)
        if first["command"]["status"] == "completed":
            tell("command", node=node, note=first["command"]["notes"][0][1])
            return
        form = first["command"]["form"]
        offered = {name: [o["value"] for o in field["options"]]
                   for name, field in form.get_fields().items()}
        answer = self["xep_0004"].make_form(ftype="submit")
        for name, value in fields.items():
            answer.add_field(var=name, value=value)
        last = await self["xep_0050"].send_command(
            jid, node, action="complete", payload=answer,
            sessionid=first["command"]["sessionid"])
        tell("command", node=node, offered=offered, note=last["command"]["notes"][0][1])


async def obey(client):
    lines = asyncio.StreamReader()
    await asyncio.get_event_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        try:
            await client.do(*json.loads(line))
        except slixmpp.exceptions.IqError as error:
            tell("refused", condition=error.iq["error"]["condition"],
                 text=error.iq["error"]["text"])


def main():
    jid, password, port = sys.argv[1:4]
    client = Client(jid, password)
    client.connect(("127.0.0.1", int(port)), disable_starttls=True)
    client.loop.run_until_complete(obey(client))


main()

"""Requests of the policy protocol, as Postfix writes them."""

USUAL = {
    "protocol_state": "RCPT",
    "client_address": "192.0.2.1",
    "sender": "a@example.org",
    "recipient": "b@example.net",
    "recipient_count": "0",
    "instance": "1",
    "sasl_username": "",
}


def asked(**attributes: str) -> bytes:
    lines = {"request": "smtpd_access_policy", **USUAL, **attributes}
    return "".join(f"{name}={value}\n" for name, value in lines.items()).encode() + b"\n"

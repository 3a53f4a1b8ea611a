"""Which maps of a tree are compiled for Postfix."""

from workers.config.core.postfix_maps import CompiledMap, compiled_maps

STAGED = "/state/trees/1-a.partial/files"
LISTING = f"""\
alias_database = hash:{STAGED}/aliases
canonical_maps = hash:/etc/postfix/canonical, btree:{STAGED}/sub/dir/map
config_directory = {STAGED}
header_checks = pcre:{STAGED}/headers
recipient_canonical_maps = hash:/elsewhere/canonical
sender_bcc_maps = hash:{STAGED}/missing
smtp_tls_policy_maps = texthash:{STAGED}/policy
virtual_alias_maps = proxy:lmdb:{STAGED}/virtual
smtp/inet/smtpd_sender_restrictions = check_sender_access,hash:{STAGED}/access,reject
smtp/inet/smtpd_client_restrictions = check_client_access {{ hash:{STAGED}/braced, x }}
"""
PRESENT = {
    *("aliases", "canonical", "sub/dir/map", "headers", "policy", "virtual", "access", "braced"),
}


def test_maps_of_the_tree_are_found_by_either_path() -> None:
    assert compiled_maps(LISTING, (STAGED, "/etc/postfix"), PRESENT) == (
        CompiledMap("access", "hash", False),
        CompiledMap("aliases", "hash", True),
        CompiledMap("braced", "hash", False),
        CompiledMap("canonical", "hash", False),
        CompiledMap("sub/dir/map", "btree", False),
        CompiledMap("virtual", "lmdb", False),
    )


def test_nothing_outside_of_the_tree_is_touched() -> None:
    assert compiled_maps("a = hash:/etc/x, hash:/state/../etc/x", ("/state",), {"x"}) == ()
    assert compiled_maps("nonsense\n\n", (STAGED,), PRESENT) == ()

"""Claims: tables in buckets, whose checksums follow every change."""

from workers.failover.core.claims import BUCKETS, PRIME, Claims, bucket_of, digest_of

VIPS = [f"198.18.{n >> 8}.{n & 255}" for n in range(500)]


def table(count: int = 500, epoch: int = 3) -> dict[str, int]:
    """Claims on the first `count` VIPs."""
    return dict.fromkeys(VIPS[:count], epoch)


def test_a_hash_is_the_same_on_every_node_and_in_every_release() -> None:
    assert [bucket_of(vip) for vip in VIPS[:6]] == [5, 59, 5, 3, 30, 41]
    assert digest_of({VIPS[0]: 7, VIPS[1]: 2}) == 1_389_694_434_394_278


def test_buckets_are_of_like_size() -> None:
    claims = Claims(table())
    assert sum(claims.size(bucket) for bucket in range(BUCKETS)) == 500
    assert max(claims.size(bucket) for bucket in range(BUCKETS)) <= 20


def test_the_checksum_is_that_of_the_table_whatever_happened_to_it() -> None:
    claims = Claims(table())
    claims.put(VIPS[3], 9)
    claims.drop(VIPS[4])
    claims.drop(VIPS[4])
    claims.put(VIPS[499], 1)
    assert claims.digest == digest_of(claims.table) == Claims(claims.table).digest
    assert sum(claims.sums) % PRIME == claims.digest


def test_nothing_has_the_checksum_0() -> None:
    claims = Claims(table())
    for vip in VIPS:
        claims.drop(vip)
    assert claims.digest == digest_of({}) == 0
    assert claims.sums == (0,) * BUCKETS
    assert claims.table == {}


def test_epochs_that_change_places_are_another_table() -> None:
    assert digest_of({VIPS[0]: 1, VIPS[1]: 2}) != digest_of({VIPS[0]: 2, VIPS[1]: 1})


def test_epoch_0_is_a_claim() -> None:
    assert digest_of({VIPS[0]: 0}) != 0


def test_a_whole_replaces_everything_and_tells_what_is_new() -> None:
    claims = Claims(table(3))
    new = claims.replace({VIPS[1]: 3, VIPS[2]: 4, VIPS[7]: 1}, None)
    assert new == {VIPS[2]: 4, VIPS[7]: 1}
    assert claims.table == {VIPS[1]: 3, VIPS[2]: 4, VIPS[7]: 1}
    assert claims.digest == digest_of(claims.table)


def test_a_bucket_replaces_only_itself() -> None:
    claims = Claims(table())
    bucket = bucket_of(VIPS[0])
    new = claims.replace({VIPS[0]: 3}, (bucket,))
    assert new == {}
    assert claims.of((bucket,)) == {VIPS[0]: 3}
    assert claims.table == {VIPS[0]: 3} | {v: 3 for v in VIPS if bucket_of(v) != bucket}


def test_what_does_not_belong_to_the_buckets_is_passed_over() -> None:
    claims = Claims()
    strange = next(vip for vip in VIPS if bucket_of(vip) != 5)
    assert claims.replace({strange: 1}, (5,)) == {}
    assert claims.table == {}


def test_a_change_shows_in_one_sum() -> None:
    claims = Claims(table())
    before = claims.sums
    claims.put(VIPS[9], 4)
    differing = [b for b in range(BUCKETS) if claims.sums[b] != before[b]]
    assert differing == [bucket_of(VIPS[9])]


def test_every_change_has_a_version() -> None:
    claims = Claims()
    seen = [claims.version]
    claims.put(VIPS[0], 1)
    seen.append(claims.version)
    claims.drop(VIPS[0])
    seen.append(claims.version)
    claims.drop(VIPS[0])
    assert len(set(seen)) == 3
    assert claims.version == seen[-1]

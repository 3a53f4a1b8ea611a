"""Every page of the admin opens, with a number of queries that does not grow with the rows."""

from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cluster_admin.accounts.roles import Role
from tests.web.admin_fixtures import (
    client_of,
    make_cluster,
    make_subcluster,
    make_superuser,
    make_user,
)

pytestmark = pytest.mark.django_db
MODELS: list[Any] = list(admin.site._registry)
HISTORY = {
    *("Event", "Cursor", "ListenerStatus", "AuditRecord", "Notification"),
    *("Revision", "NodeStatus", "VipStatus", "Setting"),
    *("Deployment", "Replica", "Application", "Rollout", "Proposal", "Shipping"),
}
QUERIES_MOST = 15


@pytest.fixture
def chief() -> Client:
    make_cluster()
    make_user("reader", Role.VIEWER, "default")
    return client_of(make_superuser())


def address_of(model: Any, page: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def queries_of(client: Client, address: str, status: int = 200) -> int:
    with CaptureQueriesContext(connection) as captured:
        response = client.get(address)
    assert response.status_code == status, address
    return len(captured)


def test_every_list_and_page_opens_with_constant_queries(chief: Client) -> None:
    addresses = [
        address
        for model in MODELS
        for address in (
            address_of(model, "changelist"),
            address_of(model, "changelist") + "?q=a",
            address_of(model, "change", model._default_manager.first().pk),
            address_of(model, "history", model._default_manager.first().pk),
        )
    ]
    few = {address: queries_of(chief, address) for address in addresses}
    make_subcluster("more", "198.18.2", nodes=30, vips=40)
    many = {address: queries_of(chief, address) for address in addresses}

    assert all(many[address] <= few[address] for address in addresses)
    assert max(few.values()) <= QUERIES_MOST


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_adding_and_deleting_open_or_are_denied(chief: Client, model: Any) -> None:
    history = model.__name__ in HISTORY
    stays = history or model.__name__ in {"Token"}
    row = model._default_manager.first()

    assert queries_of(chief, address_of(model, "add"), 403 if history else 200) <= QUERIES_MOST
    queries_of(chief, address_of(model, "delete", row.pk), 403 if stays else 200)


def test_the_first_page_names_what_there_is(chief: Client) -> None:
    page = chief.get(reverse("admin:index")).content.decode()

    for name in ("Subclusters", "Nodes", "VIPs", "Topologies", "Events", "Tokens", "Grants"):
        assert name in page
    assert "Groups" not in page

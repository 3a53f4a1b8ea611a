"""The accounts app: who may do what, and with which token."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Registers the app under the label `accounts`."""

    name = "cluster_admin.accounts"
    verbose_name = "Accounts"

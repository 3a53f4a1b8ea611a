"""Logging in at /login/, for the pages and the admin alike.

Failed logins are counted and audited where names and passwords are checked, not here.
"""

from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpResponse

from cluster_admin.accounts.services import actor_of, source_of
from cluster_admin.accounts.throttle import must_wait
from cluster_admin.audit import services as audit


class Login(LoginView):
    """The form; it never says whether the name or the password was wrong."""

    template_name = "dashboard/login.html"

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Begin a session."""
        response = super().form_valid(form)
        audit.record(actor_of(self.request), "login", kind="session")
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Say who is logged in already, when that was not enough, and who has to wait."""
        found: dict[str, Any] = super().get_context_data(**kwargs)
        name = str(found["form"].data.get("username", ""))
        waits = found["form"].errors and must_wait(name, source_of(self.request))
        return found | {"already": self.request.user.is_authenticated, "waits": waits}

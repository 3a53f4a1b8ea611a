"""Every address of the API, and of what watches the manager."""

from django.urls import include, path, re_path
from rest_framework.routers import SimpleRouter

from cluster_admin.accounts import api_urls as accounts
from cluster_admin.api import documents, errors, health
from cluster_admin.api.joins import Nodes, Subclusters, Vips
from cluster_admin.api.metrics import Metrics
from cluster_admin.api.status import Status
from cluster_admin.audit.api_views import Audit
from cluster_admin.configs import api_urls as configs
from cluster_admin.events import api_urls as events
from cluster_admin.inventory import api_urls as inventory
from cluster_admin.joining import api_urls as joining
from cluster_admin.logs import api_urls as logs
from cluster_admin.logs import reading_urls as logs_reading
from cluster_admin.mail import api_urls as mail
from cluster_admin.replication import api_urls as replication

router = SimpleRouter()
accounts.register(router)
inventory.register(router)
events.register(router)
logs.register(router)
replication.register(router)
router.register("subclusters", Subclusters, "subcluster")
router.register("nodes", Nodes, "node")
router.register("vips", Vips, "vip")
router.register("audit", Audit, "audit")

resources = [
    path("", documents.root, name="root"),
    path("schema/", documents.schema, name="schema"),
    path("status/", Status.as_view(), name="status"),
    *accounts.urlpatterns,
    *configs.urlpatterns,
    *events.urlpatterns,
    *inventory.urlpatterns,
    *joining.urlpatterns,
    *logs.urlpatterns,
    *logs_reading.urlpatterns,
    *mail.urlpatterns,
    *replication.urlpatterns,
    *router.urls,
]
urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", Metrics.as_view(), name="metrics"),
    path("api/v1/", include((resources, "api"))),
    re_path(r"^api(/.*)?$", errors.unknown),
]

"""The addresses of mail's numbers under /api/v1/."""

from django.urls import path

from cluster_admin.mail.api_views import MailCounts

urlpatterns = [path("mail/counts/", MailCounts.as_view(), name="mail-counts")]

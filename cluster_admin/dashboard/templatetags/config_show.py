"""How differences are written in pages."""

from django import template
from django.utils.safestring import SafeString

from cluster_admin.configs.diffs import FileDiff
from cluster_admin.dashboard.config_html import tables

register = template.Library()


@register.simple_tag
def diff_tables(file: FileDiff) -> SafeString:
    """The lines of a file that differ, side by side and unified."""
    return tables(file)

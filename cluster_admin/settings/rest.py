"""How the API is put together: who is asked for what; the parts are in `rest` and `accounts`."""

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "cluster_admin.accounts.api_authentication.Bearer",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["cluster_admin.accounts.api_permissions.ByRole"],
    "DEFAULT_FILTER_BACKENDS": [
        "cluster_admin.accounts.api_permissions.Readable",
        "cluster_admin.rest.pages.Filters",
        "cluster_admin.rest.pages.Search",
        "cluster_admin.rest.pages.Order",
    ],
    "DEFAULT_PAGINATION_CLASS": "cluster_admin.rest.pages.Pages",
    "DEFAULT_PARSER_CLASSES": ["cluster_admin.rest.bodies.Parser"],
    "DEFAULT_RENDERER_CLASSES": ["cluster_admin.rest.bodies.Renderer"],
    "DEFAULT_SCHEMA_CLASS": "cluster_admin.rest.schema.Schema",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "cluster_admin.accounts.api_denials.handle",
    "URL_FORMAT_OVERRIDE": None,
    "NUM_PROXIES": 0,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Muster",
    "DESCRIPTION": "What the cluster should be, how it is, and what happened.",
    "VERSION": "1",
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "COMPONENT_SPLIT_REQUEST": True,
    "COMPONENT_NO_READ_ONLY_REQUIRED": False,
    "OAS_VERSION": "3.0.3",
    "ENUM_NAME_OVERRIDES": {
        "ProposalState": "cluster_admin.configs.proposal_models.Proposal.State",
        "VipState": "cluster_admin.vips.models.VipStatus.State",
    },
    "PREPROCESSING_HOOKS": [],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "cluster_admin.rest.schema.shared_parameters",
    ],
}

# The Littlest JupyterHub: /opt/tljh/config/jupyterhub_config.d/robust_widgets.py, then: sudo tljh-config reload
c.JupyterHub.services = [  # noqa: F821
    {
        "name": "robust",
        "url": "http://127.0.0.1:8900",
        "command": ["/opt/tljh/user/bin/python", "-P", "-m", "robust_widgets.cli", "serve"],
        "user": "robust",  # an account for it alone: sudo adduser --system --home /var/lib/robust robust
    }
]
c.JupyterHub.load_roles = [  # noqa: F821
    {"name": "user", "scopes": ["self", "access:services!service=robust"]},
    {"name": "server", "scopes": ["users:activity!user", "access:servers!server", "access:services!service=robust"]},
]
c.Spawner.environment = {"ROBUST_WIDGETS_SERVER": "http://127.0.0.1/services/robust"}  # noqa: F821

"""What a notebook and the JupyterLab extension call."""

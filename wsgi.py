"""The application, for servers (`wsgi:app`) and for `flask --app wsgi`."""

from redeem.app import create_app
from redeem.cli import unconfigured
from redeem.config import BadConfiguration, load_settings, usual_file
from redeem.demo.command import demo

try:
    app = create_app(load_settings(usual_file()))
except BadConfiguration as error:
    app = unconfigured(error)
app.cli.add_command(demo)

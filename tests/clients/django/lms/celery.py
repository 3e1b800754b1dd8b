"""The Celery application. Its broker is a directory, so that no server is needed."""

import os
import pathlib

import ledger
from celery import Celery

ledger.install()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lms.settings")

data = pathlib.Path(os.environ["LMS_DATA"])
queue, control = data / "queue", data / "control"
queue.mkdir(exist_ok=True)
control.mkdir(exist_ok=True)
app = Celery("lms", broker="filesystem://")
app.conf.update(
    broker_transport_options={
        "data_folder_in": str(queue),
        "data_folder_out": str(queue),
        "control_folder": str(control),
    },
    broker_connection_retry_on_startup=True,
    worker_pool="solo",
    worker_hijack_root_logger=True,
)
app.autodiscover_tasks(["apps.courses"])

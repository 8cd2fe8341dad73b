"""Makes tests/fixtures/report/events.tfevents with TensorBoard's own writer.

Versions: tensorboard 2.21.0 (record_writer and protobuf messages of the
package, no TensorFlow). Run: python tools/golden/report_goldens.py
"""
import pathlib

from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

target = pathlib.Path("tests/fixtures/report/events.tfevents")
target.parent.mkdir(parents=True, exist_ok=True)


def scalar(time, step, tag, value):
    item = summary_pb2.Summary.Value(tag=tag, simple_value=value)
    return event_pb2.Event(
        wall_time=time, step=step, summary=summary_pb2.Summary(value=[item])
    )


with open(target, "wb") as file:
    writer = RecordWriter(file)
    events = [
        event_pb2.Event(wall_time=1700000000.25, file_version="brain.Event:2"),
        scalar(1700000001.5, 1, "train/loss", 2.25),
        scalar(1700000002.5, 300, "train/learning_rate", 1.9e-4),
        scalar(1700000003.5, 5000000000, "eval/loss", float("nan")),
    ]
    for event in events:
        writer.write(event.SerializeToString())
    writer.flush()

"""The library's infrastructure factory over an office; `postgres` and `memory` say where the office is."""

from abc import abstractmethod
from typing import Final, Generic, cast
from uuid import UUID

from eventsourcing.domain import TAggregateID
from eventsourcing.persistence import (
    AggregateRecorder,
    InfrastructureFactory,
    InfrastructureFactoryError,
    Mapper,
    Transcoder,
)
from eventsourcing.utils import resolve_topic
from typing_extensions import TypeVar

from infra.eventsourcing.mapper import LogMapper
from infra.eventsourcing.office import Office
from infra.eventsourcing.recorders import LogProcessRecorder, LogRecorder, LogTrackingRecorder, SnapshotRecorder
from infra.eventsourcing.transcoder import OrjsonTranscoder

CAIRN_TENANT: Final = "CAIRN_TENANT"
UNNAMED: Final = "Application"

Tracking = TypeVar("Tracking", bound=LogTrackingRecorder, default=LogTrackingRecorder)
Recorder = TypeVar("Recorder", bound=LogRecorder | LogTrackingRecorder)


class LogFactory(InfrastructureFactory[Tracking], Generic[Tracking]):
    """Makes recorders that share one office, whose tenant CAIRN_TENANT names.

    It makes no tables: `cairn up` and the migrations do. The library's own settings for classes (MAPPER_TOPIC,
    TRANSCODER_TOPIC, ..._RECORDER_TOPIC), ciphers and compressors count as ever.
    """

    application_recorder_class: type[LogRecorder] = LogRecorder
    process_recorder_class: type[LogProcessRecorder] = LogProcessRecorder
    tracking_recorder_class: type[Tracking]

    @property
    @abstractmethod
    def office(self) -> Office:
        """Where the recorders work."""

    @property
    def name(self) -> str:
        """The application, or the projection, whose recorders these are."""
        return self.env.name or UNNAMED

    def transcoder(self) -> Transcoder:
        """The orjson transcoder, unless TRANSCODER_TOPIC names another."""
        return super().transcoder() if self.env.get(self.TRANSCODER_TOPIC) else OrjsonTranscoder()

    def mapper(
        self, transcoder: Transcoder | None = None, mapper_class: type[Mapper[TAggregateID]] | None = None
    ) -> Mapper[TAggregateID]:
        """Our mapper, unless another is given or MAPPER_TOPIC names one."""
        if mapper_class is None and not self.env.get(self.MAPPER_TOPIC):
            mapper_class = cast(type[Mapper[TAggregateID]], LogMapper)
        return super().mapper(transcoder, mapper_class)

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        """A recorder of `events` or of `snapshots`."""
        match purpose:
            case "snapshots":
                return SnapshotRecorder(self.office, name=self.name)
            case "events":
                return self.application_recorder()
            case _:
                raise InfrastructureFactoryError(f"nothing is kept here for the purpose {purpose!r}")

    def application_recorder(self) -> LogRecorder:
        """The recorder of an application."""
        made = self._class_of(self.APPLICATION_RECORDER_TOPIC, self.application_recorder_class)
        return made(self.office, name=self.name)

    def tracking_recorder(self, tracking_recorder_class: type[Tracking] | None = None) -> Tracking:
        """The recorder of a follower, which may be a view that is written together with its position."""
        made = tracking_recorder_class or self._class_of(self.TRACKING_RECORDER_TOPIC, self.tracking_recorder_class)
        return made(self.office, name=self.name)

    def process_recorder(self) -> LogProcessRecorder:
        """The recorder of an application that follows another."""
        made = self._class_of(self.PROCESS_RECORDER_TOPIC, self.process_recorder_class)
        return made(self.office, name=self.name)

    def _class_of(self, setting: str, ours: type[Recorder]) -> type[Recorder]:
        topic = self.env.get(setting)
        if not topic:
            return ours
        named: object = resolve_topic(topic)
        if not (isinstance(named, type) and issubclass(named, ours)):
            raise InfrastructureFactoryError(f"{setting} names {named!r}, which is no {ours.__name__}")
        return named


def tenant_of(setting: str) -> str:
    """A tenant's id as the log spells it; raises InfrastructureFactoryError."""
    try:
        return str(UUID(setting))
    except ValueError:
        raise InfrastructureFactoryError(f"{CAIRN_TENANT} is {setting!r}; set it to the UUID of a tenant") from None

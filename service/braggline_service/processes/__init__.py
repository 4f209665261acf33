"""Processes that belong together: started in order, watched, stopped in reverse, and none outlives its supervisor."""

from braggline_service.processes.identity import ProcessId
from braggline_service.processes.logs import telling_line
from braggline_service.processes.part import Part, PartDown, answers_on, says
from braggline_service.processes.ports import free_ports, port_answers
from braggline_service.processes.runfile import AlreadyUp, RunFile
from braggline_service.processes.supervisor import Supervisor

__all__ = [
    "AlreadyUp",
    "Part",
    "PartDown",
    "ProcessId",
    "RunFile",
    "Supervisor",
    "answers_on",
    "free_ports",
    "port_answers",
    "says",
    "telling_line",
]

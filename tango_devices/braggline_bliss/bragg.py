"""`bragg`, the object of the BLISS shell."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import gevent
from bliss.common.logtools import log_warning
from bliss.common.scans import DEFAULT_CHAIN, ascan
from bliss.common.tango import DeviceProxy
from bliss.common.utils import autocomplete_property
from bliss.config.settings import HashObjSetting
from bliss.scanning.scan_meta import get_user_scan_meta

from braggline_bliss.devices import ROLES, Devices, Refused, ServiceAway
from braggline_bliss.follow import AppliedPreset, Follower, FollowPreset
from braggline_bliss.last import SHOWN, LastResult
from braggline_bliss.params import Params
from braggline_bliss.rocking import plan_rocking
from braggline_bliss.standing import Standing

PER_eV = {"eV": 1.0, "keV": 1e-3}  # an energy motor's own unit in one eV


class Bragg:
    """Beacon: plugin generic, package braggline_bliss, class Bragg; keys ingest, reconstruction, advisor (Tango names),
    detector, rocking_motor, energy_motor where energies are scanned too, and tango_host where braggline's Tango
    database is not BLISS's own.
    """

    def __init__(self, config: Any) -> None:
        self.name = str(config["name"])
        self._detector = config["detector"]
        self._motor = config["rocking_motor"]
        self._energy_motor = config.get("energy_motor")
        host = config.get("tango_host") or os.environ.get("BRAGGLINE_TANGO_HOST", "")
        self._devices = Devices({role: _full(config.get(role), host) for role in ROLES}, DeviceProxy)
        self._params = Params(self._devices)
        self._follower = Follower(self.name, self._devices)
        self._kept = HashObjSetting(f"braggline:{self.name}", default_values={"enabled": True})
        if self._kept["enabled"]:
            self.enable()

    # ---- following scans
    def enable(self) -> None:
        """Follow every scan with the detector, from now on and in later sessions."""
        self._kept["enabled"] = True
        DEFAULT_CHAIN.add_preset(FollowPreset(self._follower, self._detector), name=self._preset_name)
        get_user_scan_meta().instrument.set(self.name, self._follower.metadata)

    def disable(self) -> None:
        """Leave scans alone. The service itself goes on: `params.mode`, or Stop of its ingest, rule that."""
        self._kept["enabled"] = False
        DEFAULT_CHAIN.remove_preset(name=self._preset_name)
        get_user_scan_meta().instrument.set(self.name, {})

    @property
    def _preset_name(self) -> str:
        return f"braggline_{self.name}"

    # ---- what to measure next
    def next(self) -> Standing:
        """The standing recommendation."""
        return Standing.from_json(self._devices.read("advisor", "Recommendation"))

    def approve(self) -> Standing:
        """Let the next `rocking` use the standing recommendation."""
        self._devices.command("advisor", "Approve")
        return self._decided("approved")

    def reject(self, reason: str = "") -> Standing:
        """Refuse the standing recommendation; the reason stays in the history."""
        self._devices.command("advisor", "Reject", str(reason))
        return self._decided("rejected")

    def rocking(
        self,
        half_width: float | None = None,
        points: int | None = None,
        exposure: float | None = None,
        *counters: Any,
        center: float | None = None,
        energy: bool = False,
        run: bool = True,
    ) -> Any:
        """Rock the crystal: `ascan` about `center` (default: where the motor is), and come back to its middle.

        What is not given is taken from the approved recommendation. half_width and center in deg, exposure in s.
        energy: scan the energy instead; half_width and center are then in eV, whatever the motor's own unit.
        """
        motor, unit, scale = self._rocked(energy)
        standing, position = self._standing_or_none(), motor.position / scale
        plan = plan_rocking(standing, position, half_width, points, exposure, center, unit)
        print(f"{self.name}: {plan.told(motor.name)}")  # the shell's way to say what is about to happen
        start, stop, images = plan.start * scale, plan.stop * scale, self._detector.image
        scan = ascan(motor, start, stop, plan.points - 1, plan.exposure_s, images, *counters, run=False)
        if plan.identifier:
            scan.add_preset(AppliedPreset(self._devices, plan.identifier))
        if run:
            scan.run()
            motor.move(plan.center * scale)
        return scan

    # ---- results and parameters
    @property
    def last(self) -> LastResult:
        """The numbers of the scan reconstructed last."""
        return LastResult(self._devices.read_many("reconstruction", SHOWN))

    @autocomplete_property
    def params(self) -> Params:
        """What can be tuned; each is kept."""
        return self._params

    def __info__(self) -> str:
        following = "follows" if self._kept["enabled"] else "does not follow (enable())"
        parts = [f"{self.name}: {following} scans with {self._detector.name}; rocks {self._motor.name}", "", "Service"]
        states = {role: self._devices.state(role) for role in ROLES}
        parts += [f"  {role:<15} {state:<8} {status}" for role, (state, status) in states.items()]
        sections = (
            ("reconstruction", "Last result", lambda: self.last.__info__()),
            ("advisor", "Next scan", lambda: self.next().__info__()),
            ("advisor", "Parameters (params.NAME = VALUE; kept by the devices)", self._params.__info__),
        )
        for role, title, describe in sections:
            if states[role][0] != "AWAY":
                parts += ["", title, _or_line(describe)]
        return "\n".join(parts)

    # ---- inside
    def _rocked(self, energy: bool) -> tuple[Any, str, float]:
        """The motor, the unit that a plan is made in, and the motor's own units in one of these."""
        if not energy:
            return self._motor, "deg", 1.0
        if self._energy_motor is None:
            raise ValueError(f"{self.name} knows no energy motor: give energy_motor in its Beacon file")
        if self._energy_motor.unit not in PER_eV:
            told = f"{self._energy_motor.name} is in '{self._energy_motor.unit}'"
            raise ValueError(f"{told}; an energy motor is in {' or '.join(PER_eV)}: set its unit in Beacon")
        return self._energy_motor, "eV", PER_eV[self._energy_motor.unit]

    def _decided(self, state: str) -> Standing:
        """The panel is told some milliseconds after the command returns: wait for it, but not for long."""
        standing = self.next()
        with gevent.Timeout(2.0, False):
            while standing.state != state:
                gevent.sleep(0.05)
                standing = self.next()
        return standing

    def _standing_or_none(self) -> Standing:
        """A scan whose numbers are all given needs no service."""
        try:
            return self.next()
        except ServiceAway as error:
            log_warning(self, "%s: no recommendation: %s", self.name, error)
            return Standing("none")


def _or_line(describe: Callable[[], str]) -> str:
    """What `describe` says; where its device went away meanwhile, the line that tells so."""
    try:
        return describe()
    except (ServiceAway, Refused) as error:
        return f"  {error}"


def _full(name: Any, host: str) -> str:
    """'//host:port/id01/braggingest/main' where a host is given and the name has none."""
    text = str(name or "")
    return f"//{host}/{text}" if text and host and "//" not in text else text

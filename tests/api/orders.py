"""Orders over HTTP for tests: a town with a customer, a site and somebody to send, and the orders that it is given."""

import uuid
from dataclasses import dataclass
from typing import Any

import httpx

from domain.people import Role
from tests.api.office import Office


@dataclass
class Console:
    """Somebody at a console of an office."""

    office: Office

    def order(
        self,
        method: str,
        path: str,
        document: Any = None,
        *,
        role: Role = "dispatcher",
        key: str | None = None,
        match: str | None = None,
    ) -> httpx.Response:
        headers = {**self.office.bearer(role), "Idempotency-Key": key or uuid.uuid4().hex}
        if match is not None:
            headers["If-Match"] = match
        return self.office.client.request(method, f"/v1/{path}", json=document or {}, headers=headers)

    def done(self, path: str, document: Any = None, *, method: str = "POST", **asked: Any) -> dict[str, Any]:
        """What an order that must be carried out is answered."""
        response = self.order(method, path, document, **asked)
        assert response.status_code in (200, 201), response.text
        answered: dict[str, Any] = response.json()
        return answered

    def read(self, entity_type: str, entity: str, *, role: Role = "dispatcher") -> httpx.Response:
        return self.office.get(f"/v1/entities/{entity_type}/{entity}", role=role)


@dataclass
class Town(Console):
    """A customer with a site and an asset there."""

    customer: str = ""
    site: str = ""
    asset: str = ""

    def built(self) -> "Town":
        self.customer = self.done("customers", {"name": "Harbour Mill"})["id"]
        self.site = self.done("sites", {"name": "East gate", "customer_id": self.customer})["id"]
        self.asset = self.done("assets", {"site_id": self.site, "model": "Pump"})["id"]
        return self

    def job(self, **said: Any) -> str:
        told = {"title": "Pump leaks", "kind": "repair", "customer_id": self.customer, "site_id": self.site, **said}
        job: str = self.done("work-orders", told)["id"]
        self.done(f"work-orders/{job}/open")
        return job

    def sent(self, job: str) -> str:
        """A visit to a job, on which the technician is sent."""
        person = self.office.people["technician"].person
        told = self.done(f"work-orders/{job}/schedule", {"assignee_id": person})["told"]
        visit: str = told[0]["entity_id"]
        return visit

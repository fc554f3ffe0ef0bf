"""Why a request gets no answer, in one form for both protocols."""

import enum


class Reason(enum.Enum):
    """A reason, as the name of gRPC's status code, and HTTP's status."""

    INVALID_ARGUMENT = 400
    NOT_FOUND = 404
    WRONG_METHOD = 405
    TOO_LARGE = 413
    WRONG_TYPE = 415
    INTERNAL = 500
    UNAVAILABLE = 503
    DEADLINE_EXCEEDED = 504

    @property
    def code(self):
        """The `grpc.StatusCode`."""
        import grpc

        of_http = (Reason.WRONG_METHOD, Reason.WRONG_TYPE)
        others = {Reason.TOO_LARGE: "RESOURCE_EXHAUSTED", **dict.fromkeys(of_http, "INVALID_ARGUMENT")}
        return grpc.StatusCode[others.get(self, self.name)]


class Refused(Exception):
    """A request that is answered with a reason and a sentence."""

    def __init__(self, reason, text):
        super().__init__(text)
        self.reason = reason

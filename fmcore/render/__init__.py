"""The render room: a frozen wish, a printable plan, segments rendered by workers, one film."""

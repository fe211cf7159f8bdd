"""Made by `scripts/proto.sh generate` from the proto. Not to be edited."""

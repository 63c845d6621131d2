"""Everything foreign, one file or folder per thing: environment, logs, servers, broker, gateways, commands."""

"""What describes the public messages: JSON Schemas, an AsyncAPI document and a page, made from their structs."""

//! Search over the store: parse, plan, execute, HTTP.

//! The protocols' documents say what the code does.

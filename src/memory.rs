//! The allocator of every program that links the gateway.
//!
//! Floor. One request makes some forty small allocations; mimalloc serves them from memory of the
//! thread's own.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

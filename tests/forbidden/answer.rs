//! Expects E0624: the bytes of an answer are taken past `respond`.

fn take(answer: mylife::bundle::Answer) -> String {
    answer.into_body()
}

fn main() {
    let _: fn(_) -> _ = take;
}

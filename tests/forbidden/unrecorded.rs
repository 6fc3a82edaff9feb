//! Expects E0061: an answer is handed over without a receipt.

fn respond(answer: mylife::bundle::Answer, sending: mylife::respond::Sending<'_>) {
    drop(mylife::respond::bundle(answer, sending));
}

fn main() {
    let _: fn(_, mylife::respond::Sending<'_>) = respond;
}

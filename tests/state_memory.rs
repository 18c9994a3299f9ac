//! What the host maps into a guest's memory and what the guest's own allocator has do not
//! overlap, in whichever order they come.

use faasm_testkit::{Server, c};
use reqwest::Method;

/// Maps first and allocates afterwards: everything that was mapped keeps its bytes.
const MAP_FIRST: &str = r#"
#include <faasm/host_interface.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 300000 };

int main(void)
{
    uint8_t *state = __faasm_read_state_ptr("value", SIZE);
    memset(state, 7, SIZE);
    uint8_t *blocks[40];
    for (int i = 0; i < 40; i++) {
        blocks[i] = malloc(100000);
        memset(blocks[i], i, 100000);
    }
    uint8_t *other = __faasm_read_state_ptr("other", SIZE);
    memset(other, 9, SIZE);
    for (int i = 0; i < SIZE; i++) {
        if (state[i] != 7 || other[i] != 9) {
            return 1;
        }
    }
    for (int i = 0; i < 40; i++) {
        for (int j = 0; j < 100000; j++) {
            if (blocks[i][j] != i) {
                return 2;
            }
        }
    }
    return 0;
}
"#;

#[tokio::test]
async fn memory_that_a_guest_allocates_after_mapping_is_not_the_mapping() {
    let server = Server::start().await;
    server.put("demo/f", c(MAP_FIRST)).await;
    let _ = server.call("demo/f", "").await.expect(200);
    let value = format!("{}/s/demo/value", server.upload);
    let value = server.request(Method::GET, &value, "").await.expect(200);
    assert!(value.body.len() == 300_000 && value.body.iter().all(|&byte| byte == 7));
}

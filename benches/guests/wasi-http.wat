;; The least component of `wasi:http/proxy`: the parts of the interfaces that a handler
;; needs to answer, and the handler's module. The module shares its memory with a second
;; one, so that imports can be made before it.
(component
  (type $error (instance
    (export "error" (type (sub resource)))))
  (import "wasi:io/error@0.2.0" (instance $io-error (type $error)))
  (alias export $io-error "error" (type $error-resource))

  (type $streams-type (instance
    (alias outer 1 $error-resource (type $e))
    (export "error" (type $error (eq $e)))
    (export "output-stream" (type $output-stream (sub resource)))
    (type $failure (variant (case "last-operation-failed" (own $error)) (case "closed")))
    (export "stream-error" (type $stream-error (eq $failure)))
    (export "[method]output-stream.blocking-write-and-flush"
      (func (param "self" (borrow $output-stream)) (param "contents" (list u8))
        (result (result (error $stream-error)))))))
  (import "wasi:io/streams@0.2.0" (instance $streams (type $streams-type)))
  (alias export $streams "output-stream" (type $output-stream))

  (type $types-type (instance
    (alias outer 1 $output-stream (type $stream))
    (export "output-stream" (type $output-stream (eq $stream)))
    (export "fields" (type $fields (sub resource)))
    (export "trailers" (type $trailers (eq $fields)))
    (export "incoming-request" (type (sub resource)))
    (export "outgoing-response" (type $response (sub resource)))
    (export "outgoing-body" (type $body (sub resource)))
    (export "response-outparam" (type $out (sub resource)))

    (type $dns (record (field "rcode" (option string)) (field "info-code" (option u16))))
    (export "DNS-error-payload" (type $DNS-error (eq $dns)))
    (type $tls (record (field "alert-id" (option u8)) (field "alert-message" (option string))))
    (export "TLS-alert-received-payload" (type $TLS-alert (eq $tls)))
    (type $size
      (record (field "field-name" (option string)) (field "field-size" (option u32))))
    (export "field-size-payload" (type $field-size (eq $size)))
    (type $code (variant
      (case "DNS-timeout")
      (case "DNS-error" $DNS-error)
      (case "destination-not-found")
      (case "destination-unavailable")
      (case "destination-IP-prohibited")
      (case "destination-IP-unroutable")
      (case "connection-refused")
      (case "connection-terminated")
      (case "connection-timeout")
      (case "connection-read-timeout")
      (case "connection-write-timeout")
      (case "connection-limit-reached")
      (case "TLS-protocol-error")
      (case "TLS-certificate-error")
      (case "TLS-alert-received" $TLS-alert)
      (case "HTTP-request-denied")
      (case "HTTP-request-length-required")
      (case "HTTP-request-body-size" (option u64))
      (case "HTTP-request-method-invalid")
      (case "HTTP-request-URI-invalid")
      (case "HTTP-request-URI-too-long")
      (case "HTTP-request-header-section-size" (option u32))
      (case "HTTP-request-header-size" (option $field-size))
      (case "HTTP-request-trailer-section-size" (option u32))
      (case "HTTP-request-trailer-size" $field-size)
      (case "HTTP-response-incomplete")
      (case "HTTP-response-header-section-size" (option u32))
      (case "HTTP-response-header-size" $field-size)
      (case "HTTP-response-body-size" (option u64))
      (case "HTTP-response-trailer-section-size" (option u32))
      (case "HTTP-response-trailer-size" $field-size)
      (case "HTTP-response-transfer-coding" (option string))
      (case "HTTP-response-content-coding" (option string))
      (case "HTTP-response-timeout")
      (case "HTTP-upgrade-failed")
      (case "HTTP-protocol-error")
      (case "loop-detected")
      (case "configuration-error")
      (case "internal-error" (option string))))
    (export "error-code" (type $error-code (eq $code)))

    (export "[constructor]fields" (func (result (own $fields))))
    (export "[constructor]outgoing-response"
      (func (param "headers" (own $fields)) (result (own $response))))
    (export "[method]outgoing-response.body"
      (func (param "self" (borrow $response)) (result (result (own $body)))))
    (export "[method]outgoing-body.write"
      (func (param "self" (borrow $body)) (result (result (own $output-stream)))))
    (export "[static]outgoing-body.finish"
      (func (param "this" (own $body)) (param "trailers" (option (own $trailers)))
        (result (result (error $error-code)))))
    (export "[static]response-outparam.set"
      (func (param "param" (own $out))
        (param "response" (result (own $response) (error $error-code)))))))
  (import "wasi:http/types@0.2.0" (instance $types (type $types-type)))
  (alias export $types "incoming-request" (type $incoming-request))
  (alias export $types "response-outparam" (type $response-outparam))

  (core module $Memory
    (memory (export "memory") 2)
    ;; Strings in errors would go here; there is one page for them.
    (global $next (mut i32) (i32.const 65536))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (global.set $next
        (i32.and (i32.add (global.get $next) (i32.const 15)) (i32.const -16)))
      global.get $next
      (global.set $next (i32.add (global.get $next) (local.get 3)))))
  (core instance $memory (instantiate $Memory))
  (alias core export $memory "memory" (core memory $memory))
  (alias core export $memory "realloc" (core func $realloc))

  (core func $drop-request (canon resource.drop $incoming-request))
  (core func $drop-stream (canon resource.drop $output-stream))
  (core func $fields (canon lower (func $types "[constructor]fields")))
  (core func $response (canon lower (func $types "[constructor]outgoing-response")))
  (core func $body
    (canon lower (func $types "[method]outgoing-response.body") (memory $memory)))
  (core func $stream
    (canon lower (func $types "[method]outgoing-body.write") (memory $memory)))
  (core func $write
    (canon lower (func $streams "[method]output-stream.blocking-write-and-flush")
      (memory $memory)))
  (core func $finish
    (canon lower (func $types "[static]outgoing-body.finish")
      (memory $memory) (realloc $realloc)))
  (core func $answer
    (canon lower (func $types "[static]response-outparam.set") (memory $memory)))

  ;; HANDLER

  (core instance $handler (instantiate $Handler
    (with "host" (instance
      (export "memory" (memory $memory))
      (export "drop-request" (func $drop-request))
      (export "drop-stream" (func $drop-stream))
      (export "fields" (func $fields))
      (export "response" (func $response))
      (export "body" (func $body))
      (export "stream" (func $stream))
      (export "write" (func $write))
      (export "finish" (func $finish))
      (export "answer" (func $answer))))))
  (func $handle (param "request" (own $incoming-request))
      (param "response-out" (own $response-outparam))
    (canon lift (core func $handler "handle")))
  (component $Interface
    (import "incoming-request" (type $request (sub resource)))
    (import "response-outparam" (type $out (sub resource)))
    (import "handle" (func $handle
      (param "request" (own $request)) (param "response-out" (own $out))))
    (export $exported-request "incoming-request" (type $request))
    (export $exported-out "response-outparam" (type $out))
    (export "handle" (func $handle)
      (func (param "request" (own $exported-request))
        (param "response-out" (own $exported-out)))))
  (instance $interface (instantiate $Interface
    (with "incoming-request" (type $incoming-request))
    (with "response-outparam" (type $response-outparam))
    (with "handle" (func $handle))))
  (export "wasi:http/incoming-handler@0.2.0" (instance $interface)))

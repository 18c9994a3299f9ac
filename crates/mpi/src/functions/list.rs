//! All functions under the names and with the arguments that programs know.

use super::{
    attributes, carts, comms, completion, environment, errors, groups, infos, movement,
    nonblocking, ops, packs, point_to_point, probe, reductions, types,
};
use crate::error::{Result, Stop};
use crate::host::Host;

/// Calls a macro with all functions of MPI, each as `wait running MPI_Send = here::send(buf, …);`:
/// whether it waits (`wait`) or not (`now`), whether MPI has to be running (`running`) or not
/// (`any`), its name, where it is in this crate, and its arguments, each of which is an `i32`.
///
/// [`functions`](crate::functions) has them under their names: there they take a [`Host`] before
/// the arguments, and give what the program gets, or why it is to be stopped.
#[macro_export]
macro_rules! each_function {
    ($each:ident) => {
        $each! {
            now any MPI_Init = environment::init(argc, argv);
            now any MPI_Init_thread = environment::init_thread(argc, argv, required, provided);
            now running MPI_Query_thread = environment::query_thread(provided);
            now any MPI_Is_thread_main = environment::is_thread_main(flag);
            now any MPI_Initialized = environment::initialized(flag);
            wait running MPI_Finalize = environment::finalize();
            now any MPI_Finalized = environment::finalized(flag);
            now any MPI_Abort = environment::abort(comm, errorcode);
            now any MPI_Get_processor_name = environment::get_processor_name(name, resultlen);
            now any MPI_Get_version = environment::get_version(version, subversion);
            now any MPI_Get_library_version = environment::get_library_version(version, resultlen);
            now running MPI_Comm_set_errhandler = errors::comm_set_errhandler(comm, errhandler);
            now running MPI_Comm_get_errhandler = errors::comm_get_errhandler(comm, errhandler);
            now running MPI_Comm_call_errhandler = errors::comm_call_errhandler(comm, errorcode);
            now running MPI_Errhandler_free = errors::errhandler_free(errhandler);
            now any MPI_Error_class = errors::error_class(errorcode, errorclass);
            now any MPI_Error_string = errors::error_string(errorcode, string, resultlen);
            wait running MPI_Send = point_to_point::send(buf, count, datatype, dest, tag, comm);
            wait running MPI_Bsend = point_to_point::bsend(buf, count, datatype, dest, tag, comm);
            wait running MPI_Ssend = point_to_point::ssend(buf, count, datatype, dest, tag, comm);
            wait running MPI_Rsend = point_to_point::send(buf, count, datatype, dest, tag, comm);
            wait running MPI_Recv = point_to_point::recv(buf, count, datatype, source, tag, comm, status);
            wait running MPI_Sendrecv = point_to_point::sendrecv(sendbuf, sendcount, sendtype, dest, sendtag, recvbuf, recvcount, recvtype, source, recvtag, comm, status);
            wait running MPI_Sendrecv_replace = point_to_point::sendrecv_replace(buf, count, datatype, dest, sendtag, source, recvtag, comm, status);
            now running MPI_Buffer_attach = point_to_point::buffer_attach(buffer, size);
            wait running MPI_Buffer_detach = point_to_point::buffer_detach(buffer_addr, size);
            now running MPI_Get_count = point_to_point::get_count(status, datatype, count);
            now running MPI_Get_elements = point_to_point::get_elements(status, datatype, count);
            now running MPI_Isend = nonblocking::isend(buf, count, datatype, dest, tag, comm, request);
            now running MPI_Ibsend = nonblocking::ibsend(buf, count, datatype, dest, tag, comm, request);
            now running MPI_Issend = nonblocking::issend(buf, count, datatype, dest, tag, comm, request);
            now running MPI_Irsend = nonblocking::isend(buf, count, datatype, dest, tag, comm, request);
            now running MPI_Irecv = nonblocking::irecv(buf, count, datatype, source, tag, comm, request);
            now running MPI_Send_init = nonblocking::send_init(buf, count, datatype, dest, tag, comm, request);
            now running MPI_Bsend_init = nonblocking::bsend_init(buf, count, datatype, dest, tag, comm, request);
            now running MPI_Ssend_init = nonblocking::ssend_init(buf, count, datatype, dest, tag, comm, request);
            now running MPI_Rsend_init = nonblocking::send_init(buf, count, datatype, dest, tag, comm, request);
            now running MPI_Recv_init = nonblocking::recv_init(buf, count, datatype, source, tag, comm, request);
            now running MPI_Start = nonblocking::start(request);
            now running MPI_Startall = nonblocking::startall(count, array_of_requests);
            wait running MPI_Wait = completion::wait(request, status);
            wait running MPI_Waitany = completion::waitany(count, array_of_requests, indx, status);
            wait running MPI_Waitall = completion::waitall(count, array_of_requests, array_of_statuses);
            wait running MPI_Waitsome = completion::waitsome(incount, array_of_requests, outcount, array_of_indices, array_of_statuses);
            wait running MPI_Test = completion::test(request, flag, status);
            wait running MPI_Testany = completion::testany(count, array_of_requests, indx, flag, status);
            wait running MPI_Testall = completion::testall(count, array_of_requests, flag, array_of_statuses);
            wait running MPI_Testsome = completion::testsome(incount, array_of_requests, outcount, array_of_indices, array_of_statuses);
            wait running MPI_Request_get_status = completion::request_get_status(request, flag, status);
            now running MPI_Request_free = completion::request_free(request);
            now running MPI_Cancel = completion::cancel(request);
            now running MPI_Test_cancelled = completion::test_cancelled(status, flag);
            wait running MPI_Probe = probe::probe(source, tag, comm, status);
            wait running MPI_Iprobe = probe::iprobe(source, tag, comm, flag, status);
            wait running MPI_Mprobe = probe::mprobe(source, tag, comm, message, status);
            wait running MPI_Improbe = probe::improbe(source, tag, comm, flag, message, status);
            wait running MPI_Mrecv = probe::mrecv(buf, count, datatype, message, status);
            now running MPI_Imrecv = probe::imrecv(buf, count, datatype, message, request);
            wait running MPI_Barrier = movement::barrier(comm);
            wait running MPI_Bcast = movement::bcast(buffer, count, datatype, root, comm);
            wait running MPI_Scatter = movement::scatter(sendbuf, sendcount, sendtype, recvbuf, recvcount, recvtype, root, comm);
            wait running MPI_Scatterv = movement::scatterv(sendbuf, sendcounts, displs, sendtype, recvbuf, recvcount, recvtype, root, comm);
            wait running MPI_Gather = movement::gather(sendbuf, sendcount, sendtype, recvbuf, recvcount, recvtype, root, comm);
            wait running MPI_Gatherv = movement::gatherv(sendbuf, sendcount, sendtype, recvbuf, recvcounts, displs, recvtype, root, comm);
            wait running MPI_Allgather = movement::allgather(sendbuf, sendcount, sendtype, recvbuf, recvcount, recvtype, comm);
            wait running MPI_Allgatherv = movement::allgatherv(sendbuf, sendcount, sendtype, recvbuf, recvcounts, displs, recvtype, comm);
            wait running MPI_Alltoall = movement::alltoall(sendbuf, sendcount, sendtype, recvbuf, recvcount, recvtype, comm);
            wait running MPI_Alltoallv = movement::alltoallv(sendbuf, sendcounts, sdispls, sendtype, recvbuf, recvcounts, rdispls, recvtype, comm);
            wait running MPI_Reduce = reductions::reduce(sendbuf, recvbuf, count, datatype, op, root, comm);
            wait running MPI_Allreduce = reductions::allreduce(sendbuf, recvbuf, count, datatype, op, comm);
            wait running MPI_Reduce_scatter = reductions::reduce_scatter(sendbuf, recvbuf, recvcounts, datatype, op, comm);
            wait running MPI_Reduce_scatter_block = reductions::reduce_scatter_block(sendbuf, recvbuf, recvcount, datatype, op, comm);
            wait running MPI_Scan = reductions::scan(sendbuf, recvbuf, count, datatype, op, comm);
            wait running MPI_Exscan = reductions::exscan(sendbuf, recvbuf, count, datatype, op, comm);
            now running MPI_Op_create = ops::op_create(user_fn, commute, op);
            now running MPI_Op_free = ops::op_free(op);
            now running MPI_Op_commutative = ops::op_commutative(op, commute);
            now running MPI_Comm_size = comms::comm_size(comm, size);
            now running MPI_Comm_rank = comms::comm_rank(comm, rank);
            now running MPI_Comm_compare = comms::comm_compare(comm1, comm2, result);
            wait running MPI_Comm_dup = comms::comm_dup(comm, newcomm);
            wait running MPI_Comm_dup_with_info = comms::comm_dup_with_info(comm, info, newcomm);
            wait running MPI_Comm_create = comms::comm_create(comm, group, newcomm);
            wait running MPI_Comm_create_group = comms::comm_create_group(comm, group, tag, newcomm);
            wait running MPI_Comm_split = comms::comm_split(comm, color, key, newcomm);
            wait running MPI_Comm_split_type = comms::comm_split_type(comm, split_type, key, info, newcomm);
            wait running MPI_Comm_free = comms::comm_free(comm);
            now running MPI_Comm_test_inter = comms::comm_test_inter(comm, flag);
            now running MPI_Comm_group = comms::comm_group(comm, group);
            now running MPI_Comm_set_name = comms::comm_set_name(comm, comm_name);
            now running MPI_Comm_get_name = comms::comm_get_name(comm, comm_name, resultlen);
            now running MPI_Comm_set_info = comms::comm_set_info(comm, info);
            now running MPI_Comm_get_info = comms::comm_get_info(comm, info_used);
            now running MPI_Group_size = groups::group_size(group, size);
            now running MPI_Group_rank = groups::group_rank(group, rank);
            now running MPI_Group_translate_ranks = groups::group_translate_ranks(group1, n, ranks1, group2, ranks2);
            now running MPI_Group_compare = groups::group_compare(group1, group2, result);
            now running MPI_Group_union = groups::group_union(group1, group2, newgroup);
            now running MPI_Group_intersection = groups::group_intersection(group1, group2, newgroup);
            now running MPI_Group_difference = groups::group_difference(group1, group2, newgroup);
            now running MPI_Group_incl = groups::group_incl(group, n, ranks, newgroup);
            now running MPI_Group_excl = groups::group_excl(group, n, ranks, newgroup);
            now running MPI_Group_range_incl = groups::group_range_incl(group, n, ranges, newgroup);
            now running MPI_Group_range_excl = groups::group_range_excl(group, n, ranges, newgroup);
            now running MPI_Group_free = groups::group_free(group);
            now running MPI_Comm_create_keyval = attributes::comm_create_keyval(comm_copy_attr_fn, comm_delete_attr_fn, comm_keyval, extra_state);
            now running MPI_Comm_free_keyval = attributes::comm_free_keyval(comm_keyval);
            wait running MPI_Comm_set_attr = attributes::comm_set_attr(comm, comm_keyval, attribute_val);
            wait running MPI_Comm_get_attr = attributes::comm_get_attr(comm, comm_keyval, attribute_val, flag);
            wait running MPI_Comm_delete_attr = attributes::comm_delete_attr(comm, comm_keyval);
            now any MPI_Info_create = infos::info_create(info);
            now any MPI_Info_set = infos::info_set(info, key, value);
            now any MPI_Info_delete = infos::info_delete(info, key);
            now any MPI_Info_get = infos::info_get(info, key, valuelen, value, flag);
            now any MPI_Info_get_string = infos::info_get_string(info, key, buflen, value, flag);
            now any MPI_Info_get_valuelen = infos::info_get_valuelen(info, key, valuelen, flag);
            now any MPI_Info_get_nkeys = infos::info_get_nkeys(info, nkeys);
            now any MPI_Info_get_nthkey = infos::info_get_nthkey(info, n, key);
            now any MPI_Info_dup = infos::info_dup(info, newinfo);
            now any MPI_Info_free = infos::info_free(info);
            now running MPI_Dims_create = carts::dims_create(nnodes, ndims, dims);
            wait running MPI_Cart_create = carts::cart_create(comm_old, ndims, dims, periods, reorder, comm_cart);
            now running MPI_Cartdim_get = carts::cartdim_get(comm, ndims);
            now running MPI_Cart_get = carts::cart_get(comm, maxdims, dims, periods, coords);
            now running MPI_Cart_rank = carts::cart_rank(comm, coords, rank);
            now running MPI_Cart_coords = carts::cart_coords(comm, rank, maxdims, coords);
            now running MPI_Cart_shift = carts::cart_shift(comm, direction, disp, rank_source, rank_dest);
            wait running MPI_Cart_sub = carts::cart_sub(comm, remain_dims, newcomm);
            now running MPI_Cart_map = carts::cart_map(comm, ndims, dims, periods, newrank);
            now running MPI_Topo_test = carts::topo_test(comm, status);
            now running MPI_Type_contiguous = types::type_contiguous(count, oldtype, newtype);
            now running MPI_Type_vector = types::type_vector(count, blocklength, stride, oldtype, newtype);
            now running MPI_Type_create_hvector = types::type_create_hvector(count, blocklength, stride, oldtype, newtype);
            now running MPI_Type_indexed = types::type_indexed(count, array_of_blocklengths, array_of_displacements, oldtype, newtype);
            now running MPI_Type_create_hindexed = types::type_create_hindexed(count, array_of_blocklengths, array_of_displacements, oldtype, newtype);
            now running MPI_Type_create_indexed_block = types::type_create_indexed_block(count, blocklength, array_of_displacements, oldtype, newtype);
            now running MPI_Type_create_hindexed_block = types::type_create_hindexed_block(count, blocklength, array_of_displacements, oldtype, newtype);
            now running MPI_Type_create_struct = types::type_create_struct(count, array_of_blocklengths, array_of_displacements, array_of_types, newtype);
            now running MPI_Type_create_resized = types::type_create_resized(oldtype, lb, extent, newtype);
            now running MPI_Type_dup = types::type_dup(oldtype, newtype);
            now running MPI_Type_commit = types::type_commit(datatype);
            now running MPI_Type_free = types::type_free(datatype);
            now running MPI_Type_size = types::type_size(datatype, size);
            now running MPI_Type_get_extent = types::type_get_extent(datatype, lb, extent);
            now running MPI_Type_get_true_extent = types::type_get_true_extent(datatype, true_lb, true_extent);
            now any MPI_Get_address = types::get_address(location, address);
            now running MPI_Pack_size = packs::pack_size(incount, datatype, comm, size);
            now running MPI_Pack = packs::pack(inbuf, incount, datatype, outbuf, outsize, position, comm);
            now running MPI_Unpack = packs::unpack(inbuf, insize, position, outbuf, outcount, datatype, comm);
        }
    };
}

/// A function that does not need MPI to run begins.
macro_rules! begin {
    (any $host:ident $name:ident) => {
        $host.rank().begin_any(stringify!($name))
    };
    (running $host:ident $name:ident) => {
        $host.rank().begin(stringify!($name))
    };
}

macro_rules! define {
    ($($when:ident $phase:ident $name:ident = $module:ident::$function:ident($($argument:ident),*);)*) => {
        $(define!(@$when $phase $name $module $function $($argument)*);)*

        /// The names of all functions.
        pub const NAMES: &[&str] = &[$(stringify!($name)),*];
    };
    (@wait $phase:ident $name:ident $module:ident $function:ident $($argument:ident)*) => {
        #[doc = concat!("`", stringify!($name), "`.\n\n# Errors\nIf the program is to be stopped.")]
        #[allow(clippy::too_many_arguments, reason = "as in the standard")]
        pub async fn $name<H: Host>(host: &mut H $(, $argument: i32)*) -> std::result::Result<i32, Stop> {
            let result = match begin!($phase host $name) {
                Ok(()) => $module::$function(host $(, $argument.into())*).await,
                Err(error) => Err(error),
            };
            end(host, result)
        }
    };
    (@now $phase:ident $name:ident $module:ident $function:ident $($argument:ident)*) => {
        #[doc = concat!("`", stringify!($name), "`.\n\n# Errors\nIf the program is to be stopped.")]
        #[allow(clippy::too_many_arguments, reason = "as in the standard")]
        pub fn $name<H: Host>(host: &mut H $(, $argument: i32)*) -> std::result::Result<i32, Stop> {
            let begun = begin!($phase host $name);
            let result = begun.and_then(|()| $module::$function(host $(, $argument.into())*));
            end(host, result)
        }
    };
}

/// How the error handler hears of the result of a function.
fn end<H: Host>(host: &mut H, result: Result<()>) -> std::result::Result<i32, Stop> {
    match result {
        Ok(()) => Ok(0),
        Err(error) => host.rank().raise(error),
    }
}

each_function!(define);

/// `MPI_Wtime`: seconds since the world began.
pub fn wtime<H: Host>(host: &mut H) -> f64 {
    host.rank().world.started.elapsed().as_secs_f64()
}

/// `MPI_Wtick`: the resolution of [`wtime`] in seconds.
#[must_use]
pub fn wtick() -> f64 {
    1e-9
}

/// `MPI_Aint_add`.
#[must_use]
pub fn aint_add(base: i32, displacement: i32) -> i32 {
    base.wrapping_add(displacement)
}

/// `MPI_Aint_diff`.
#[must_use]
pub fn aint_diff(first: i32, second: i32) -> i32 {
    first.wrapping_sub(second)
}
